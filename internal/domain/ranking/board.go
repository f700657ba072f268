package ranking

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrSuperseded is returned to a process that rebuilds the board of a day, if
// another process has begun to rebuild it. That happens, too, after a process has
// taken so long that it was taken for dead.
var ErrSuperseded = fault.New(fault.Conflict, "BOARD_SUPERSEDED", "another process is rebuilding this board")

// ErrBuildLost is returned to a process that rebuilds the board of a day, if Redis has lost
// a part of what was built, or the process has written nothing for so long that the build
// was given up. Nobody else is building it: it must begin again.
var ErrBuildLost = fault.New(fault.Unavailable, "BOARD_BUILD_LOST",
	"the build of this board has expired, or redis has lost a part of it")

// Kept is the number of days for which the board of a day is kept, the day itself
// included: as long as the day is part of a live score. Older rankings are read
// from the database.
const Kept = Window + 1

// Eve is how long before midnight the board of the next day is made, so that it
// is complete when the day begins.
const Eve = 10 * time.Minute

// Expiry returns the time at which the board of a day expires.
func Expiry(day clock.Day) time.Time { return day.Add(Kept).Start() }

// OnBoard returns the days whose boards must be complete at a time, oldest first:
// the days that are kept and, in the last minutes of a day, the next one.
func OnBoard(now time.Time) []clock.Day {
	return clock.DayOf(now).Add(1 - Kept).Until(clock.DayOf(now.Add(Eve)))
}
