package sqlstore

import (
	"context"
	"sync"
	"time"
)

const (
	// healthTime bounds a probe.
	healthTime = 2 * time.Second
	// healthAge is how long an answer is true: however many ask, one probe a second.
	healthAge = time.Second
	// ballast is how many bytes a probe writes: more than a page of a file.
	ballast = 16 << 10
)

// health keeps the last answer of a probe.
type health struct {
	mu    sync.Mutex
	probe *probe
}

// probe is a question to the database. err may be read once done is closed.
type probe struct {
	done  chan struct{}
	ended time.Time // by the clock of the store; zero until then
	err   error
}

func newHealth() *health { return &health{} }

// Health returns an error unless the database does its work: the tables are as new as this
// program needs, and a row can be written. A row that is written and deleted shows a server
// that may only be read, a disk without room, and a COMMIT that hangs. Those who ask while
// somebody asks, or within a second, get the same answer.
func (d *DB) Health(ctx context.Context) error {
	p, first := d.health.current(d.options.Clock())
	if first {
		go d.ask(context.WithoutCancel(ctx), p)
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// current returns the probe whose answer counts now, and whether it has to be started.
func (h *health) current(now time.Time) (p *probe, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.probe != nil && (h.probe.ended.IsZero() || now.Sub(h.probe.ended).Abs() < healthAge) {
		return h.probe, false
	}
	h.probe = &probe{done: make(chan struct{})}
	return h.probe, true
}

func (d *DB) ask(ctx context.Context, p *probe) {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	err := d.CheckSchema(ctx)
	if err == nil {
		err = d.tryWriting(ctx)
	}
	d.health.mu.Lock()
	p.err, p.ended = err, d.options.Clock()
	d.health.mu.Unlock()
	close(p.done)
}

// tryWriting writes a row and deletes it, and tries whether there is room for more data: the
// row may have the room of one before. It is of this probe only, so probes do not wait for
// one another.
func (d *DB) tryWriting(ctx context.Context) error {
	return d.connected(ctx, Write, func(s *session) error {
		for _, text := range d.parts.Room {
			s.exec(text)
		}
		row := s.ids()
		s.exec(`INSERT INTO health (id, ballast) VALUES ($1, $2)`, row, make([]byte, ballast))
		s.exec(`DELETE FROM health WHERE id = $1`, row)
		return s.commit(ctx)
	})
}
