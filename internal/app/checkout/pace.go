package checkout

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Crowd says what happens when more orders arrive than can be placed. The zero value
// refuses orders only if very many wait.
type Crowd struct {
	// Patience is how long an order waits for its turn at most. Orders that would wait for
	// more than two thirds of it are refused as they arrive. 0: as long as its caller.
	Patience time.Duration
	Clock    clock.Clock // nil: nothing is measured
	Meter    Meter       // nil: nobody is told
}

// Meter is told what happens in the queue. Its methods do not wait.
type Meter interface {
	// Taken is called for each group, with how long each of its orders has waited. It is
	// called again for an order that had to wait for a row.
	Taken(waits []time.Duration)
}

// WithCrowd has the Service refuse orders that would wait too long.
func WithCrowd(c Crowd) Option { return func(s *Service) { s.queue.crowd = c } }

func (c Crowd) now() time.Time {
	if c.Clock == nil {
		return time.Time{}
	}
	return c.Clock()
}

// taken tells the meter that a group is under way.
func (c Crowd) taken(group []*placement) {
	if c.Meter == nil || len(group) == 0 {
		return
	}
	now, waits := c.now(), make([]time.Duration, len(group))
	for i, p := range group {
		waits[i] = now.Sub(p.arrived)
	}
	c.Meter.Taken(waits)
}

// deadline returns a channel that receives when the patience with an order ends, and what
// releases it.
func (c Crowd) deadline() (<-chan time.Time, func() bool) {
	if c.Patience == 0 {
		return nil, func() bool { return true }
	}
	t := time.NewTimer(c.Patience)
	return t.C, t.Stop
}

// room returns how many orders may wait: as many as are placed in two thirds of the
// patience. The next groups of the committers have always room.
func (q *queue) room() int {
	if q.crowd.Patience == 0 || q.pace.seconds == 0 {
		return maxWaiting
	}
	placed := q.pace.orders / q.pace.seconds * q.crowd.Patience.Seconds() * 2 / 3
	return int(min(maxWaiting, max(maxCommitters*maxOrders, placed)))
}

// full reports whether an order that arrives now would be refused.
func (q *queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) >= q.room()
}

// keeps is what is left of a measurement after each further one: about the last 20 groups
// count.
const keeps = 0.95

// pace is how many orders are placed in how many seconds. It is measured while more than a
// group waits: small groups say nothing about large ones.
type pace struct {
	orders, seconds float64
	since           time.Time // the end of the last group; zero if too few waited then
}

// ended notes the end of a group, and how many orders wait now.
func (p *pace) ended(at time.Time, orders, waiting int) {
	if !p.since.IsZero() {
		p.orders = p.orders*keeps + float64(orders)
		p.seconds = p.seconds*keeps + at.Sub(p.since).Seconds()
	}
	p.since = time.Time{}
	if waiting >= maxOrders {
		p.since = at
	}
}

// Busy reports whether an order that arrives now would be refused with ErrBusy.
func (s *Service) Busy() bool { return s.queue.full() }

// Waiting returns how many orders wait for their turn, and how many wait in how many lanes
// for rows that somebody else holds.
func (s *Service) Waiting() (orders, inLanes, lanes int) {
	q := s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.lanes.size, len(q.lanes.byRow)
}
