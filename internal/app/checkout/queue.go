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
	maxWaiting    = 2_000 // orders that are in no group yet, and as many in lanes
	largeLines    = 50    // an order with more lines is large: one at a time, in a group of its own
)

// queue gathers placements into groups. Nothing runs while nothing waits.
//
// Groups of one queue never meet in the database: a placement stays while a row of it is
// in a group of a committer. Placements are taken in order of arrival. One that has to
// stay reserves its rows, so that no later one overtakes it. Large ones wait for each
// other, and only the first of them reserves its rows: so they never have both committers,
// and others pass those that wait for their turn.
type queue struct {
	// place places a group, waiting for a row if it is not the zero row, and gives each
	// placement an outcome, or the row that blocks it.
	place func(group []*placement, wait row)
	// answer tells the caller of a placement its outcome.
	answer func(*placement)

	crowd Crowd

	mu         sync.Mutex
	waiting    []*placement // in order of arrival, without those in lanes
	wanted     map[row]int  // by those that wait
	committers int          // that are at work
	held       map[row]int  // by groups of committers
	large      bool         // whether a group of a committer is a large order
	pace       pace
	lanes      lanes
}

func newQueue(place func([]*placement, row), answer func(*placement)) *queue {
	return &queue{place: place, answer: answer, wanted: map[row]int{}, held: map[row]int{}, lanes: newLanes()}
}

// add puts a placement at the end of the queue, or returns ErrBusy.
func (q *queue) add(p *placement) error {
	p.arrived = q.crowd.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= q.room() || q.lanes.full(p) {
		return ErrBusy
	}
	stays := q.stays(p)
	q.waiting = append(q.waiting, p)
	q.want(p, 1)
	if !stays {
		q.staff()
	}
	return nil
}

// stays reports whether no committer can take a placement now. A committer that is free has
// found before that those that wait have to stay.
func (q *queue) stays(p *placement) bool {
	if q.committers == maxCommitters {
		return true
	}
	return slices.ContainsFunc(p.rows, func(r row) bool { return q.held[r] > 0 || q.wanted[r] > 0 }) || p.large() && q.large
}

func (q *queue) want(p *placement, n int) {
	for _, r := range p.rows {
		count(q.wanted, r, n)
	}
}

func count(rows map[row]int, r row, n int) {
	if rows[r] += n; rows[r] == 0 {
		delete(rows, r)
	}
}

// leave removes a placement, unless it is in a group already.
func (q *queue) leave(p *placement) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case p.taken:
		return false
	case p.lane != row{}:
		q.lanes.remove(p)
	default:
		q.remove(p)
	}
	p.taken = true
	return true
}

// expire removes a placement that has waited too long, unless it is in a group, or in a
// lane: there it waits for somebody else.
func (q *queue) expire(p *placement) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.taken || p.lane != (row{}) {
		return false
	}
	q.remove(p)
	p.taken = true
	return true
}

func (q *queue) remove(p *placement) {
	i := slices.Index(q.waiting, p)
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.want(p, -1)
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
		q.pace.ended(q.crowd.now(), len(group), len(q.waiting))
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
func (q *queue) take() []*placement {
	s, rest := selection{queue: q, turn: !q.large}, q.waiting[:0]
	for i, p := range q.waiting {
		if s.complete(p) {
			rest = append(rest, q.waiting[i:]...)
			break
		}
		if lane, has := q.lanes.of(p); has {
			q.want(p, -1)
			q.lanes.enter(p, lane)
		} else if !s.add(p) {
			rest = append(rest, p)
		}
	}
	clear(q.waiting[len(rest):])
	q.waiting = rest
	q.staffLanes()
	q.hold(s.group)
	return s.group
}

// selection is a group while it is put together.
type selection struct {
	queue    *queue
	group    []*placement
	lines    int
	reserved map[row]bool // by those that have to stay
	turn     bool         // whether a large one may be taken
}

// complete reports whether the group has no room for a placement and those after it. A
// large one never has room in a group of others: it is passed.
func (s *selection) complete(p *placement) bool {
	n := len(s.group)
	return n == maxOrders || n > 0 && (s.group[0].large() || s.lines+p.lines() > maxLines && !p.large())
}

// add adds a placement to the group, or reports that it has to stay.
func (s *selection) add(p *placement) bool {
	switch {
	case p.large() && !s.turn:
		return false
	case p.large() && len(s.group) > 0 || s.queue.busy(p, s.reserved):
		s.turn = s.turn && !p.large()
		s.reserved = reserve(s.reserved, p)
		return false
	default:
		s.group, s.lines = append(s.group, p), s.lines+p.lines()
		return true
	}
}

// hold notes that a group is under way.
func (q *queue) hold(group []*placement) {
	q.crowd.taken(group)
	for _, p := range group {
		p.taken = true
		q.large = q.large || p.large()
		q.want(p, -1)
		for _, r := range p.rows {
			q.held[r]++
		}
	}
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
		q.large = q.large && !p.large()
		for _, r := range p.rows {
			count(q.held, r, -1)
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
			q.lanes.enter(p, p.blocked)
		}
	}
	q.staffLanes()
	return decided
}
