package relay_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// shop is a database in memory: an outbox and leases.
type shop struct {
	mu     sync.Mutex
	seq    int64
	rows   []store.OutboxRecord
	holder map[string]string
	until  map[string]time.Time
	broken error
}

func newShop() *shop { return &shop{holder: map[string]string{}, until: map[string]time.Time{}} }

// add commits n events of each key and returns them.
func (s *shop) add(n int, keys ...string) (added []event.Envelope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		for _, key := range keys {
			s.seq++
			v := event.Envelope{ID: id.ID{14: byte(s.seq >> 8), 15: byte(s.seq)}, Type: "t", Topic: "topic", Key: key, Time: time.Now()}
			s.rows = append(s.rows, store.OutboxRecord{Seq: s.seq, Envelope: v})
			added = append(added, v)
		}
	}
	return added
}

func (s *shop) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

func (s *shop) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

func lane(key string) int { return int(key[0]) % store.Lanes }

// connection is how one process sees the shop. What freeze is given happens to
// each of its transactions after they have read or written.
type connection struct {
	*shop
	freeze func()
}

func (c connection) Update(_ context.Context, fn func(store.Tx) error) error {
	if c.freeze != nil {
		defer c.freeze()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	return fn(store.Tx{Outbox: tables{c.shop}, Leases: tables{c.shop}})
}

func (c connection) View(ctx context.Context, fn func(store.Tx) error) error {
	return c.Update(ctx, fn)
}

func (c connection) Snapshot(ctx context.Context, fn func(store.Tx) error) error {
	return c.Update(ctx, fn)
}

// tables are used inside of a transaction: the lock is held.
type tables struct{ *shop }

func (tables) Append(...event.Event) {}

func (t tables) Next(_ context.Context, lanes []int, limit int) (next []store.OutboxRecord, err error) {
	for _, p := range t.rows {
		if len(next) < limit && slices.Contains(lanes, lane(p.Envelope.Key)) {
			next = append(next, p)
		}
	}
	return next, nil
}

func (t tables) Sent(seqs []int64) {
	t.rows = slices.DeleteFunc(t.rows, func(p store.OutboxRecord) bool { return slices.Contains(seqs, p.Seq) })
}

func (t tables) Backlog(context.Context) (waiting int64, oldest time.Time, err error) {
	for _, p := range t.rows[:min(1, len(t.rows))] {
		oldest = p.Envelope.Time
	}
	return int64(len(t.rows)), oldest, nil
}

func (t tables) Acquire(_ context.Context, names []string, holder string, now, until time.Time) (held []string, err error) {
	for _, name := range names {
		if t.holder[name] == "" || t.holder[name] == holder || !t.until[name].After(now) {
			t.holder[name], t.until[name] = holder, until
			held = append(held, name)
		}
	}
	return held, nil
}

func (t tables) Release(_ context.Context, names []string, holder string) error {
	for _, name := range names {
		if t.holder[name] == holder {
			delete(t.holder, name)
		}
	}
	return nil
}

// topic is the log that publishers write to. fate says how many events of a
// key are written, and how many of those acknowledged.
type topic struct {
	mu   sync.Mutex
	log  []event.Envelope
	at   []time.Time
	fate func(key string, given int) (written, acknowledged int)
}

var errRefused = errors.New("refused")

func (p *topic) Publish(_ context.Context, batch []event.Envelope) []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	given, place := map[string]int{}, map[string]int{}
	for _, v := range batch {
		given[v.Key]++
	}
	written, acknowledged := map[string]int{}, map[string]int{}
	for key, n := range given {
		written[key], acknowledged[key] = n, n
		if p.fate != nil {
			written[key], acknowledged[key] = p.fate(key, n)
		}
	}
	errs := make([]error, len(batch))
	for i, v := range batch {
		if place[v.Key] < written[v.Key] {
			p.log, p.at = append(p.log, v), append(p.at, time.Now())
		}
		if place[v.Key] >= acknowledged[v.Key] {
			errs[i] = errRefused
		}
		place[v.Key]++
	}
	return errs
}

func (p *topic) written() []event.Envelope {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// firsts returns the first occurrences in the log, by key.
func firsts(log []event.Envelope) map[string][]id.ID {
	found := map[string][]id.ID{}
	for _, v := range log {
		if !slices.Contains(found[v.Key], v.ID) {
			found[v.Key] = append(found[v.Key], v.ID)
		}
	}
	return found
}

// meter and bell note what they are told.
type meter struct {
	mu      sync.Mutex
	waiting int64
	age     time.Duration
	relayed int
}

func (m *meter) Backlog(waiting int64, age time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting, m.age = waiting, age
}

func (m *meter) Relayed(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.relayed += n
}

type bell struct {
	mu   sync.Mutex
	rung int
	wait chan struct{}
}

func (b *bell) Announce(ctx context.Context) error {
	b.mu.Lock()
	b.rung++
	b.mu.Unlock()
	if b.wait != nil {
		select {
		case <-b.wait:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (b *bell) times() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rung
}

// process is a relay with what a test does to it.
type process struct {
	relay.Parts
	committed, noticed chan struct{}
	meter              *meter
	bell               *bell
	stop               func()
}

// start runs a relay; change may replace some of its parts first.
func start(t *testing.T, n int, db store.DB, out relay.Publisher, log *slog.Logger) *process {
	t.Helper()
	p := &process{committed: make(chan struct{}, 1), noticed: make(chan struct{}, 1), meter: &meter{}, bell: &bell{}}
	p.Parts = relay.Parts{
		DB: db, Publisher: out, Announcer: p.bell, Committed: p.committed, Noticed: p.noticed, Meter: p.meter,
		Clock: time.Now, Random: func() float64 { return 0.5 }, Holder: "process " + strconv.Itoa(n),
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- relay.New(p.Parts, log).Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
