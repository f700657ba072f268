package ranking

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// ErrSuperseded is raised to whoever makes a day's board anew when somebody
// else has begun to do the same, or when they took so long that they were
// thought dead.
var ErrSuperseded = fault.New(fault.Conflict, "BOARD_SUPERSEDED", "somebody else is making this board anew")

// Kept is how many days a day's board is kept, its own included: as long as the
// day flows into a live score. Older rankings are read from the database.
const Kept = Window + 1

// Eve is how long before midnight the next day's board is made, so that
// readers find it whole when the day begins.
const Eve = 10 * time.Minute

// Expiry is the moment from which a day's board is gone.
func Expiry(day clock.Day) time.Time { return day.Add(Kept).Start() }

// OnBoard returns the days whose boards are to be whole at a time, oldest
// first: those kept, and tomorrow on its eve.
func OnBoard(now time.Time) []clock.Day {
	return clock.DayOf(now).Add(1 - Kept).Until(clock.DayOf(now.Add(Eve)))
}
