package relay_test

import (
	"cmp"
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
	"github.com/loopers-commerce/commerce/internal/test/kit/leasetest"
)

// database is a database in memory: an outbox and leases.
type database struct {
	mu           sync.Mutex
	seq          int64
	rows         []store.OutboxRecord
	aside        map[string]*store.SetAside // by key
	held         map[int64]bool
	old          map[int64]bool // has no bucket
	transactions transactions
	afters       []int64 // where reads began
	leases       *leasetest.Table
	broken       error
}

func newDatabase() *database {
	return &database{leases: &leasetest.Table{Clock: time.Now}, aside: map[string]*store.SetAside{}, held: map[int64]bool{}, old: map[int64]bool{}}
}

// transactions numbers transactions as PostgreSQL does.
type transactions struct {
	begun, youngest int64 // youngest of those that have ended
	open            map[int64]bool
}

func (x *transactions) begin() int64 {
	if x.open == nil {
		x.open = map[int64]bool{}
	}
	x.begun++
	x.open[x.begun] = true
	return x.begun
}

func (x *transactions) end(n int64) {
	delete(x.open, n)
	x.youngest = max(x.youngest, n)
}

// snapshot returns the xmin and the xmax of a snapshot.
func (x *transactions) snapshot() (oldest, next int64) {
	next = x.youngest + 1
	oldest = next
	for n := range x.open {
		oldest = min(oldest, n)
	}
	return oldest, next
}

// begin begins a transaction, for others than the relay.
func (d *database) begin() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.transactions.begin()
}

// number takes the number of an event that is not committed yet.
func (d *database) number(key string) store.OutboxRecord {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seq++
	v := event.Envelope{ID: id.ID{14: byte(d.seq >> 8), 15: byte(d.seq)}, Type: "t", Topic: event.CatalogTopic, Key: key, Time: time.Now()}
	return store.OutboxRecord{Seq: d.seq, Envelope: v}
}

// commit ends a transaction with its events.
func (d *database) commit(transaction int64, events ...store.OutboxRecord) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.transactions.end(transaction)
	d.rows = append(d.rows, events...)
	slices.SortFunc(d.rows, func(a, b store.OutboxRecord) int { return cmp.Compare(a.Seq, b.Seq) })
}

// add commits n events of each key and returns them.
func (d *database) add(n int, keys ...string) (added []event.Envelope) {
	var events []store.OutboxRecord
	transaction := d.begin()
	for range n {
		for _, key := range keys {
			events = append(events, d.number(key))
			added = append(added, events[len(events)-1].Envelope)
		}
	}
	d.commit(transaction, events...)
	return added
}

// older makes every n-th of the newest rows one of a program of the version before.
func (d *database) older(n, newest int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := max(0, len(d.rows)-newest); i < len(d.rows); i += n {
		d.old[d.rows[i].Seq] = true
	}
}

func (d *database) left() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.rows)
}

// holders returns how many lanes each holder has.
func (d *database) holders() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	lanes := map[string]int{}
	for _, holder := range d.leases.Holders() {
		lanes[holder]++
	}
	return lanes
}

func (d *database) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = err
}

func laneOf(key string) int { return int(key[0]) % store.Lanes }

// connection is the database as one process sees it. The hooks, if there are
// any, are called at the beginning of a View and at the end of every transaction.
type connection struct {
	*database
	beforeView func(ctx context.Context) error
	after      func()
}

func (c connection) Update(_ context.Context, fn func(store.Tx) error) error {
	if c.after != nil {
		defer c.after()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	return fn(store.Tx{Outbox: outbox{c.database}, Queues: outbox{c.database}, SetAside: setAside{c.database}, Leases: c.leases})
}

func (c connection) View(ctx context.Context, fn func(store.Tx) error) error {
	if c.beforeView != nil {
		if err := c.beforeView(ctx); err != nil {
			return err
		}
	}
	return c.Update(ctx, fn)
}

func (c connection) Snapshot(ctx context.Context, fn func(store.Tx) error) error {
	return c.Update(ctx, fn)
}

// outbox is used inside of a transaction: the lock is held.
type outbox struct{ *database }

func (outbox) Append(time.Time, ...event.Event) {}

func (outbox) AppendAll(time.Time, []store.TracedEvent) {}

func (t outbox) Next(context.Context, []int, int) ([]store.OutboxRecord, error) {
	return nil, errors.New("not used")
}

func (t outbox) Read(_ context.Context, r store.OutboxRead) (page store.OutboxPage, err error) {
	t.afters = append(t.afters, r.After)
	page.Oldest, page.Next = t.transactions.snapshot()
	for _, p := range t.rows {
		bucket := event.PartitionOf(p.Envelope.Key)
		if len(page.Events) == r.Limit || p.Seq <= r.After || t.held[p.Seq] || !slices.Contains(r.Lanes, laneOf(p.Envelope.Key)) ||
			r.Queues != nil && !t.old[p.Seq] && !slices.Contains(r.Queues, store.Queue{Topic: p.Envelope.Topic, Bucket: bucket}) {
			continue
		}
		e := store.QueuedEvent{OutboxRecord: p, Lane: laneOf(p.Envelope.Key), Bucket: &bucket, Behind: t.aside[p.Envelope.Key] != nil}
		if t.old[p.Seq] {
			e.Bucket = nil
		}
		page.Events = append(page.Events, e)
	}
	return page, nil
}

func (t outbox) SetBuckets(events []store.QueuedEvent) {
	for _, e := range events {
		delete(t.old, e.Seq)
	}
}

func (t outbox) Measure(_ context.Context, after int64) (b store.Backlog, err error) {
	for _, p := range t.rows {
		if p.Seq <= after {
			continue
		}
		b.Waiting++
		if b.Oldest.IsZero() && !t.held[p.Seq] {
			b.Oldest = p.Envelope.Time
		}
	}
	return b, nil
}

// setAside is used inside of a transaction: the lock is held.
type setAside struct{ *database }

func (t setAside) All(context.Context) (all []store.SetAside, err error) {
	for _, a := range t.aside {
		all = append(all, *a)
	}
	return all, nil
}

func (t setAside) Behind(context.Context, store.SetAside) (int64, error) { return 0, nil }

func (t setAside) Put(_ context.Context, a store.SetAside) error {
	a.State = store.Waits
	t.aside[a.Envelope.Key], t.held[a.Seq] = &a, true
	return nil
}

func (t setAside) Hold(_ context.Context, events []store.QueuedEvent) error {
	for _, e := range events {
		t.held[e.Seq] = t.aside[e.Envelope.Key] != nil
	}
	return nil
}

func (t setAside) Held(_ context.Context, a store.SetAside, limit int) (held []store.OutboxRecord, err error) {
	for _, p := range t.rows {
		if p.Envelope.Key == a.Envelope.Key && t.held[p.Seq] && len(held) < limit {
			held = append(held, p)
		}
	}
	return held, nil
}

func (t setAside) Forget(ctx context.Context, a store.SetAside) error {
	if held, _ := t.Held(ctx, a, 1); len(held) == 0 {
		delete(t.aside, a.Envelope.Key)
	}
	return nil
}

func (t setAside) Release(_ context.Context, seq int64, _ *store.Discard) (bool, error) {
	for _, a := range t.aside {
		if a.Seq == seq && a.State == store.Waits {
			a.State = store.Retried
			return true, nil
		}
	}
	return false, nil
}

func (t outbox) DeletePublished(seqs []int64) {
	defer t.transactions.end(t.transactions.begin())
	t.rows = slices.DeleteFunc(t.rows, func(p store.OutboxRecord) bool { return slices.Contains(seqs, p.Seq) })
}

func (t outbox) Backlog(context.Context) (waiting int64, oldest time.Time, err error) {
	for _, p := range t.rows[:min(1, len(t.rows))] {
		oldest = p.Envelope.Time
	}
	return int64(len(t.rows)), oldest, nil
}

// topic is the log that publishers write to. outcome returns how many events of
// a key are written, and how many of those acknowledged. A publish takes as long
// as latency.
type topic struct {
	mu      sync.Mutex
	log     []event.Envelope
	outcome func(key string, given int) (written, acknowledged int)
	latency time.Duration
}

var errRefused = errors.New("refused")

func (p *topic) Publish(_ context.Context, batch []event.Envelope) []error {
	time.Sleep(p.latency)
	p.mu.Lock()
	defer p.mu.Unlock()
	given, index := map[string]int{}, map[string]int{}
	for _, v := range batch {
		given[v.Key]++
	}
	written, acknowledged := map[string]int{}, map[string]int{}
	for key, n := range given {
		written[key], acknowledged[key] = n, n
		if p.outcome != nil {
			written[key], acknowledged[key] = p.outcome(key, n)
		}
	}
	errs := make([]error, len(batch))
	for i, v := range batch {
		if index[v.Key] < written[v.Key] {
			p.log = append(p.log, v)
		}
		if index[v.Key] >= acknowledged[v.Key] {
			errs[i] = errRefused
		}
		index[v.Key]++
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

// meter keeps what it was given last, and the number of events relayed.
type meter struct {
	mu      sync.Mutex
	waiting int64
	age     time.Duration
	relayed int
	aside   int
	sick    int
}

func (m *meter) SetAside(events int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.aside = events
}

func (m *meter) Sick(queues int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sick = queues
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

// announcer counts announcements. Each of them waits for block, if there is one.
type announcer struct {
	mu    sync.Mutex
	count int
	block chan struct{}
}

func (a *announcer) Announce(ctx context.Context) error {
	a.mu.Lock()
	a.count++
	a.mu.Unlock()
	if a.block != nil {
		select {
		case <-a.block:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (a *announcer) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count
}

// process is a relay with its surroundings.
type process struct {
	committed, noticed chan struct{}
	meter              *meter
	announcer          *announcer
	stop               func()
	relay              *relay.Relay
}

// start runs the n-th relay.
func start(t *testing.T, n int, db store.DB, out relay.Publisher, log *slog.Logger) *process {
	t.Helper()
	p := &process{committed: make(chan struct{}, 1), noticed: make(chan struct{}, 1), meter: &meter{}, announcer: &announcer{}}
	p.relay = relay.New(relay.Config{
		DB: db, Publisher: out, Another: same(out), Announcer: p.announcer, Committed: p.committed, Noticed: p.noticed, Meter: p.meter,
		Clock: time.Now, Random: func() float64 { return 0.5 }, Holder: "process " + strconv.Itoa(n),
	}, log)
	p.stop = run(t, p.relay)
	t.Cleanup(p.stop)
	return p
}

// same opens a publisher again.
func same(out relay.Publisher) func() (relay.Publisher, func(), error) {
	return func() (relay.Publisher, func(), error) { return out, func() {}, nil }
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
