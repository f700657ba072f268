package relay

import (
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
)

// lookAgain is how often the relay reads from the first row again, in case it has
// passed over one that it should not have.
const lookAgain = 30 * time.Second

// floor is the number up to which the relay has nothing left to do, so that it does not
// walk over the rows that it has deleted. While a snapshot is open, PostgreSQL cannot
// remove those.
//
// A transaction may commit late, with a lower number. So the floor moves in two steps. The relay sees
// a number, and remembers which transaction is the next to begin. All transactions that
// may commit with a lower number have begun by then. When all of them have ended, and
// the relay sees nothing up to that number, the floor moves there.
type floor struct {
	at     int64
	lanes  []int
	queues []store.Queue
	looked time.Time // when it was 0 the last time

	candidate, next int64
}

func (f *floor) reset() { *f = floor{} }

// after returns where to read from. Rows of other lanes or queues may be anywhere.
func (f *floor) after(lanes []int, queues []store.Queue, now time.Time) int64 {
	if now.Sub(f.looked) >= lookAgain || !slices.Equal(lanes, f.lanes) || !slices.Equal(queues, f.queues) {
		*f = floor{lanes: lanes, queues: queues, looked: now}
	}
	return f.at
}

// saw notes what a read from the floor has found.
func (f *floor) saw(p store.OutboxPage) {
	if len(p.Events) == 0 {
		return
	}
	if f.candidate > f.at && p.Oldest >= f.next && p.Events[0].Seq > f.candidate {
		f.at, f.candidate = f.candidate, 0
	}
	if f.candidate <= f.at {
		f.candidate, f.next = p.Events[len(p.Events)-1].Seq, p.Next
	}
}
