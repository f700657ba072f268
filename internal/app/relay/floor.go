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
// A transaction may commit late, with a lower number, and whoever moves the floor over it
// sends its events after those that came later. So the floor moves in steps.
//
//  1. The relay sees a number, the candidate. All transactions that may commit with a lower
//     number have begun: a transaction begins before it has a number of the outbox.
//  2. The relay deletes what it has sent, in a transaction that is younger than all of them.
//  3. It reads again. That transaction has ended, so all of them are before page.Next.
//  4. Once all before that number have ended, and the relay sees nothing up to the candidate,
//     the floor moves there.
//
// Step 2 cannot be left out: a transaction that is open may be younger than the youngest that
// has ended, and what PostgreSQL calls the xmax of a snapshot only follows that one.
type floor struct {
	at     int64
	lanes  []int
	queues []store.Queue
	looked time.Time // when it was 0 the last time

	candidate int64
	wrote     bool  // step 2 is done
	bounded   bool  // step 3 is done
	next      int64 // what it has found
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
	switch {
	case f.candidate <= f.at:
	case !f.wrote:
		return
	case !f.bounded:
		f.next, f.bounded = p.Next, true
		return
	case p.Oldest < f.next || p.Events[0].Seq <= f.candidate:
		return
	default:
		f.at = f.candidate
	}
	f.candidate, f.wrote, f.bounded = p.Events[len(p.Events)-1].Seq, false, false
}

// deleted notes that a transaction that began after the last read has deleted rows.
func (f *floor) deleted() { f.wrote = true }
