package checkout

import (
	"runtime"
	"slices"
	"sync"
)

// The bounds of the queue. Two committers: while one waits for the disk, the other reads.
// The disk would allow more, but then each of them has fewer orders.
const (
	maxCommitters = 2
	maxOrders     = 64    // in a group
	maxLines      = 1_000 // in a group of more than one order
	maxWaiting    = 2_000 // orders that are in no group yet
)

// queue gathers placements into groups. Nothing runs while nothing waits.
//
// Groups of one queue never meet in the database: a placement stays while a row of it is
// in a group of a committer. Placements are taken in order of arrival. One that has to
// stay reserves its rows, so that no later one overtakes it.
type queue struct {
	// place places a group, waiting for a row if it is not the zero row, and gives each
	// placement an outcome, or the row that blocks it.
	place func(group []*placement, wait row)
	// answer tells the caller of a placement its outcome.
	answer func(*placement)

	mu         sync.Mutex
	waiting    []*placement // in order of arrival, without those in lanes
	size       int          // of waiting and of all lanes
	committers int          // that are at work
	held       map[row]int  // by groups of committers
	lanes      lanes
}

func newQueue(place func([]*placement, row), answer func(*placement)) *queue {
	return &queue{place: place, answer: answer, held: map[row]int{}, lanes: newLanes()}
}

// add puts a placement at the end of the queue, or returns ErrBusy.
func (q *queue) add(p *placement) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size >= maxWaiting {
		return ErrBusy
	}
	q.size++
	q.waiting = append(q.waiting, p)
	q.staff()
	return nil
}

// leave removes a placement, unless it is in a group already.
func (q *queue) leave(p *placement) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.taken {
		return false
	}
	p.taken = true
	q.size--
	if !q.lanes.remove(p) {
		i := slices.Index(q.waiting, p)
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return true
}

// staff starts a committer if one is free and there is a group for it.
func (q *queue) staff() {
	if q.committers == maxCommitters {
		return
	}
	if group := q.take(); len(group) > 0 {
		q.committers++
		go q.commit(group)
	}
}

// commit places groups until there is none.
func (q *queue) commit(group []*placement) {
	for len(group) > 0 {
		q.place(group, row{})
		q.mu.Lock()
		q.release(group)
		decided := q.moveBlocked(group)
		q.mu.Unlock()
		q.answerAll(decided)
		group = q.next()
	}
}

// answerAll answers before the next group is taken: some callers have a further order at
// once, which makes that group larger.
func (q *queue) answerAll(decided []*placement) {
	for _, p := range decided {
		q.answer(p)
	}
	runtime.Gosched()
}

// next returns the next group of a committer, or ends its work.
func (q *queue) next() []*placement {
	q.mu.Lock()
	defer q.mu.Unlock()
	group := q.take()
	if len(group) == 0 {
		q.committers--
	} else {
		q.staff() // another one may have found only rows that are free now
	}
	return group
}

// take removes a group from what waits. Placements with a row that has a lane go there.
func (q *queue) take() (group []*placement) {
	var reserved map[row]bool
	lines, rest := 0, q.waiting[:0]
	for i, p := range q.waiting {
		if len(group) == maxOrders || len(group) > 0 && lines+p.lines() > maxLines {
			rest = append(rest, q.waiting[i:]...)
			break
		}
		switch lane, has := q.lanes.of(p); {
		case has:
			q.lanes.enter(p, lane)
		case q.busy(p, reserved):
			reserved = reserve(reserved, p)
			rest = append(rest, p)
		default:
			group, lines = append(group, p), lines+p.lines()
		}
	}
	clear(q.waiting[len(rest):])
	q.waiting = rest
	q.staffLanes()
	for _, p := range group {
		p.taken = true
		for _, r := range p.rows {
			q.held[r]++
		}
	}
	q.size -= len(group)
	return group
}

// busy reports whether a row of a placement is in a group of a committer, or reserved.
func (q *queue) busy(p *placement, reserved map[row]bool) bool {
	if len(q.held) == 0 && len(reserved) == 0 {
		return false
	}
	return slices.ContainsFunc(p.rows, func(r row) bool { return q.held[r] > 0 || reserved[r] })
}

func reserve(reserved map[row]bool, p *placement) map[row]bool {
	if reserved == nil {
		reserved = map[row]bool{}
	}
	for _, r := range p.rows {
		reserved[r] = true
	}
	return reserved
}

func (q *queue) release(group []*placement) {
	for _, p := range group {
		for _, r := range p.rows {
			q.held[r]--
			if q.held[r] == 0 {
				delete(q.held, r)
			}
		}
	}
}

// moveBlocked moves the placements of a group that are blocked to the lanes of their
// rows, and returns the others.
func (q *queue) moveBlocked(group []*placement) (decided []*placement) {
	for _, p := range group {
		switch {
		case p.blocked == row{}:
			decided = append(decided, p)
		case p.ctx.Err() != nil:
			p.err = p.ctx.Err() // its caller is gone
			decided = append(decided, p)
		default:
			p.taken, p.moves = false, p.moves+1
			q.size++
			q.lanes.enter(p, p.blocked)
		}
	}
	q.staffLanes()
	return decided
}
