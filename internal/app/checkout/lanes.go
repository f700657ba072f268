package checkout

import (
	"errors"
	"slices"

	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	// maxServed is how many lanes are served at once. Each holds a connection while it
	// waits for its row.
	maxServed = 4
	// maxMoves is how often a placement is moved to a lane before it waits for all of its
	// rows.
	maxMoves = 2
	// maxInLane is how many placements of one row wait. So a row that somebody holds for
	// long does not use up the room of all others.
	maxInLane = 512
)

// lanes are queues of placements that need a row that somebody else was seen to hold. A
// lane is served by one group at a time, which waits for the row. Lanes are served in
// turn, one group each.
type lanes struct {
	byRow  map[row]*lane
	turns  []row // of lanes with placements that are not served
	served int
	size   int // how many placements wait
}

type lane struct {
	waiting []*placement
	served  bool
	queued  bool // it is in turns
}

func newLanes() lanes { return lanes{byRow: map[row]*lane{}} }

// of returns the row of a placement that has a lane, if there is one.
func (l *lanes) of(p *placement) (row, bool) {
	if len(l.byRow) > 0 {
		for _, r := range p.rows {
			if _, open := l.byRow[r]; open {
				return r, true
			}
		}
	}
	return row{}, false
}

// full reports whether a placement would have to wait in a lane that has no room.
func (l *lanes) full(p *placement) bool {
	r, has := l.of(p)
	return has && (len(l.byRow[r].waiting) >= maxInLane || l.size >= maxWaiting)
}

// enter puts a placement into a lane.
func (l *lanes) enter(p *placement, r row) {
	open := l.byRow[r]
	if open == nil {
		open = &lane{}
		l.byRow[r] = open
	}
	p.lane = r
	l.size++
	open.waiting = append(open.waiting, p)
	l.queue(r, open)
}

func (l *lanes) queue(r row, open *lane) {
	if !open.served && !open.queued {
		open.queued = true
		l.turns = append(l.turns, r)
	}
}

// remove removes a placement from its lane.
func (l *lanes) remove(p *placement) {
	open := l.byRow[p.lane]
	i := slices.Index(open.waiting, p)
	open.waiting = slices.Delete(open.waiting, i, i+1)
	l.size--
}

// take removes a group from the lane whose turn it is.
func (l *lanes) take() (r row, group []*placement) {
	for len(l.turns) > 0 {
		r = l.turns[0]
		l.turns = l.turns[1:]
		open := l.byRow[r]
		open.queued = false
		if len(open.waiting) == 0 {
			delete(l.byRow, r)
			continue
		}
		n := fitting(open.waiting)
		group = slices.Clone(open.waiting[:n])
		open.waiting = slices.Delete(open.waiting, 0, n)
		open.served = true
		l.size -= n
		return r, group
	}
	return row{}, nil
}

// fitting returns how many of the first placements fit into one group.
func fitting(waiting []*placement) (n int) {
	lines := 0
	for n < min(len(waiting), maxOrders) {
		if lines += waiting[n].lines(); n > 0 && lines > maxLines {
			break
		}
		n++
	}
	return n
}

// giveUp removes and returns all placements of a lane.
func (l *lanes) giveUp(r row) []*placement {
	open := l.byRow[r]
	given := open.waiting
	open.waiting = nil
	l.size -= len(given)
	return given
}

// release ends the service of a lane, and closes it if nothing waits.
func (l *lanes) release(r row) {
	open := l.byRow[r]
	open.served = false
	if len(open.waiting) == 0 {
		delete(l.byRow, r)
	} else {
		l.queue(r, open)
	}
}

// staffLanes starts as many goroutines as there are lanes to serve.
func (q *queue) staffLanes() {
	for q.lanes.served < maxServed {
		r, group := q.takeFromLane()
		if len(group) == 0 {
			return
		}
		q.lanes.served++
		go q.serve(r, group)
	}
}

func (q *queue) takeFromLane() (row, []*placement) {
	r, group := q.lanes.take()
	q.crowd.taken(group)
	for _, p := range group {
		p.taken = true
	}
	return r, group
}

// serve places groups of lanes until there is none.
func (q *queue) serve(r row, group []*placement) {
	for len(group) > 0 {
		q.place(group, r)
		q.mu.Lock()
		refused := q.refuseBusy(r, group)
		q.lanes.release(r)
		decided := append(q.moveBlocked(group), refused...)
		q.mu.Unlock()
		q.answerAll(decided)
		r, group = q.nextOfLanes()
	}
}

// refuseBusy refuses all that wait in a lane if a group of it has waited for its row in vain:
// nobody knows for how long it is held, and each further group would wait as long again.
func (q *queue) refuseBusy(r row, group []*placement) []*placement {
	if !errors.Is(group[0].err, store.ErrBusy) {
		return nil
	}
	refused := q.lanes.giveUp(r)
	for _, p := range refused {
		p.taken, p.err = true, group[0].err
	}
	return refused
}

// nextOfLanes returns the next group of a lane, or ends the work of its goroutine.
func (q *queue) nextOfLanes() (row, []*placement) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r, group := q.takeFromLane()
	if len(group) == 0 {
		q.lanes.served--
	}
	return r, group
}
