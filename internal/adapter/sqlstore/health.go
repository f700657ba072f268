package sqlstore

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// healthTime bounds a probe.
	healthTime = 2 * time.Second
	// healthAge is how long an answer is true: however many ask, one probe a second.
	healthAge = time.Second
	// MaxSkew is how far the clocks of this process and of the database may be apart.
	MaxSkew = 5 * time.Second
	// ballast is how many bytes a probe writes: more than a page of a file.
	ballast = 16 << 10
)

// health keeps the last answer of a probe.
type health struct {
	mu    sync.Mutex
	probe *probe
	skew  time.Duration // how far the clock of the store is ahead of the database's, at least
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

// Skew returns an error if the clocks of this process and of the database were far apart when
// Health asked last. It asks nobody: if the database does not answer, Health says so.
func (d *DB) Skew(context.Context) error {
	d.health.mu.Lock()
	skew := d.health.skew
	d.health.mu.Unlock()
	if skew.Abs() <= MaxSkew {
		return nil
	}
	return SkewError(skew)
}

// SkewError returns an error that says how far a clock is ahead; below 0: behind.
func SkewError(ahead time.Duration) error {
	where := "ahead of"
	if ahead < 0 {
		where = "behind"
	}
	return fmt.Errorf("the clock of this host is %s %s that of the database", ahead.Abs().Round(time.Second), where)
}

// Ahead returns how far the clock of this process is ahead of that of the database, at least.
func (d *DB) Ahead(ctx context.Context) (ahead time.Duration, err error) {
	err = d.connected(ctx, Read, func(s *session) (err error) {
		ahead, err = s.skew(ctx)
		return err
	})
	return ahead, err
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
	skew, err := time.Duration(0), d.CheckSchema(ctx)
	if err == nil {
		skew, err = d.tryWriting(ctx)
	}
	d.health.mu.Lock()
	if err == nil {
		d.health.skew = skew
	}
	p.err, p.ended = err, d.options.Clock()
	d.health.mu.Unlock()
	close(p.done)
}

// tryWriting writes a row and deletes it, and tries whether there is room for more data: the
// row may have the room of one before. It is of this probe only, so probes do not wait for
// one another. It compares the clocks, too.
func (d *DB) tryWriting(ctx context.Context) (skew time.Duration, err error) {
	err = d.connected(ctx, Write, func(s *session) (err error) {
		if skew, err = s.skew(ctx); err != nil {
			return err
		}
		for _, text := range d.parts.Room {
			s.exec(text)
		}
		row := s.ids()
		s.exec(`INSERT INTO health (id, ballast) VALUES ($1, $2)`, row, make([]byte, ballast))
		s.exec(`DELETE FROM health WHERE id = $1`, row)
		return s.commit(ctx)
	})
	return skew, err
}

// skew returns how far the clock of the process is ahead of the database's, at least: the
// answer may have been on its way for all of the time.
func (s *session) skew(ctx context.Context) (time.Duration, error) {
	text, args := s.dialect.Now(1, s.now)
	before := s.now()
	is, err := first(ctx, s.each, stmt(`SELECT `+text, args...), scalar[int64], nil)
	ahead, behind := before.Sub(time.UnixMicro(is)), time.UnixMicro(is).Sub(s.now())
	switch {
	case err != nil:
		return 0, err
	case ahead > 0:
		return ahead, nil
	case behind > 0:
		return -behind, nil
	}
	return 0, nil
}
