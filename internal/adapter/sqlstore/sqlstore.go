// Package sqlstore implements the store in SQL. Each statement is written once, in
// the common subset of PostgreSQL and SQLite. The few differences between their
// SQL are in a Dialect, those between their connections in an Engine.
package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Options are the dependencies of a store.
type Options struct {
	Clock  clock.Clock    // for the time of events
	IDs    id.Source      // for the ids of events
	Random backoff.Random // for the waits between attempts
	Log    *slog.Logger
	// IdleInTransaction is how long the server waits for the next statement of a
	// transaction; 0: for a minute. It is for programs that are frozen, so it has no
	// meaning where the database is the program.
	IdleInTransaction time.Duration
	// Connections is the size of the pool, unless the address says another one; 0: 16.
	Connections int
	// DirectURL is an address past a pooler, where there is one; empty: there is none.
	DirectURL string
}

// Parts are what the package of an engine makes a store from.
type Parts struct {
	Name string // of the database, in traces
	// Connections is how many connections there are at most. 0: a share of them has no bound.
	Connections int
	Engine      Engine
	Dialect     Dialect
	Schema      Schema
	Days        Days
	Search      Search
	Notifier    Notifier
	Horizon     Horizon
	// Room are statements that fail if there is no room for more data, although a row may be
	// written where another one was. None: each write needs room.
	Room []string
}

// Horizon are expressions for the transactions that a statement sees, as numbers: all
// before Oldest have ended, and none from Next on has. Begun is true, and the transaction
// has its number once it is evaluated.
type Horizon struct{ Oldest, Next, Begun string }

// DB implements store.DB.
type DB struct {
	parts     Parts
	options   Options
	committed wakeup.Signal
	noticed   wakeup.Signal
	changes   *changes
	firstTurn turn
	limits    Limits
	share     *Share
	health    *health
}

var _ store.DB = (*DB)(nil)

// New returns a store made from the parts of an engine. Close it after use.
func New(parts Parts, o Options) *DB {
	return &DB{
		parts: parts, options: o, committed: wakeup.New(), noticed: wakeup.New(), changes: &changes{}, firstTurn: firstTurn(),
		limits: Usual(), health: newHealth(),
	}
}

// At returns the same store with another clock. Close only the first one.
func (d *DB) At(now clock.Clock) *DB {
	other := *d
	other.options.Clock = now
	return &other
}

// With is At with other ids of events, too.
func (d *DB) With(now clock.Clock, ids id.Source) *DB {
	other := d.At(now)
	other.options.IDs = ids
	return other
}

// Through returns the same store with its engine behind another one, for example one that
// is slow. Close only the first store.
func (d *DB) Through(other func(Engine) Engine) *DB {
	behind := *d
	behind.parts.Engine = other(d.parts.Engine)
	return &behind
}

// Close closes all connections.
func (d *DB) Close() error { return d.parts.Engine.Close() }

// How many times a transaction is run before its last error is returned, and the
// waits in between.
const (
	attempts  = 10
	firstWait = 2 * time.Millisecond
	lastWait  = 200 * time.Millisecond
)

// Update implements store.DB. It must not be called within another Update: on
// SQLite it would wait for itself.
func (d *DB) Update(ctx context.Context, fn func(store.Tx) error) error {
	ctx, done := d.within(ctx)
	defer done()
	return d.traced(ctx, "update", fn, d.update)
}

func (d *DB) update(ctx context.Context, fn func(store.Tx) error) error {
	waits := backoff.New(firstWait, lastWait, d.options.Random)
	for attempt := 1; ; attempt++ {
		err := d.run(ctx, Write, fn)
		if err == nil || !d.retryable(err) {
			tracing.Current(ctx).Int(keyAttempts, attempt)
			return err
		}
		if attempt == attempts || !backoff.Wait(ctx, waits.Next()) {
			return fmt.Errorf("%w: %w", store.ErrBusy, err)
		}
	}
}

// View implements store.DB.
func (d *DB) View(ctx context.Context, fn func(store.Tx) error) error {
	ctx, done := d.within(ctx)
	defer done()
	return d.traced(ctx, "view", fn, func(ctx context.Context, fn func(store.Tx) error) error { return d.run(ctx, Read, fn) })
}

// Snapshot implements store.DB.
func (d *DB) Snapshot(ctx context.Context, fn func(store.Tx) error) error {
	ctx, done := d.within(ctx)
	defer done()
	return d.traced(ctx, "snapshot", fn, func(ctx context.Context, fn func(store.Tx) error) error { return d.run(ctx, Snapshot, fn) })
}

func (d *DB) retryable(err error) bool { return errors.Is(err, errRetry) || d.parts.Engine.Retry(err) }

// run runs fn once. Even if fn panics, the connection goes back to the pool and what
// was not committed is rolled back.
func (d *DB) run(ctx context.Context, mode Mode, fn func(store.Tx) error) error {
	return d.connected(ctx, mode, func(s *session) error {
		err := s.do(ctx, fn)
		s.changed.report(d.changes)
		tracing.Current(ctx).Int(keyStatements, s.statements)
		if err == nil && s.appended {
			d.committed.Notify()
		}
		return err
	})
}

// connected runs fn with a connection, once the share of this store has room for it.
func (d *DB) connected(ctx context.Context, mode Mode, fn func(*session) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	leave, err := d.share.enter(ctx)
	if err != nil {
		return fmt.Errorf("wait for a connection: %w", err)
	}
	defer leave()
	conn, err := d.parts.Engine.Begin(ctx, mode, d.limits)
	if err != nil {
		return d.explained(fmt.Errorf("open a transaction: %w", err))
	}
	defer func() { conn.End(err) }()
	return d.explained(fn(d.session(ctx, conn, mode)))
}

// explained adds what an error of the database means to a caller.
func (d *DB) explained(err error) error {
	switch {
	case err == nil || errors.Is(err, ErrUnavailable) || errors.Is(err, store.ErrBusy):
		return err
	case d.parts.Engine.Busy(err):
		return fmt.Errorf("%w: %w", store.ErrBusy, err)
	case d.parts.Engine.Away(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func (s *session) do(ctx context.Context, fn func(store.Tx) error) error {
	if err := fn(s.tables()); err != nil {
		return s.cause(err)
	}
	return s.commit(ctx)
}

func (d *DB) session(ctx context.Context, conn Conn, mode Mode) *session {
	return &session{
		conn: conn, engine: d.parts.Engine, dialect: d.parts.Dialect, days: d.parts.Days, search: d.parts.Search, horizon: d.parts.Horizon, firstTurn: d.firstTurn, mode: mode,
		now: d.options.Clock, ids: d.options.IDs, trace: tracing.PlaceOf(ctx),
	}
}

// cause returns the error of fn, together with the first error of a statement if fn
// has returned another one: it says whether to run the transaction again.
func (s *session) cause(err error) error {
	if s.failed == nil || errors.Is(err, s.failed) {
		return err
	}
	return fmt.Errorf("%w (%w)", err, s.failed)
}

func (s *session) tables() store.Tx {
	return store.Tx{
		Users: users{s}, Brands: brands{s}, Products: products{s}, Names: names{s}, Cached: cached{s}, Stocks: stocks{s}, Likes: likes{s},
		Points: points{s}, Coupons: coupons{s}, Owned: owned{s}, Orders: orders{s}, Group: group{s}, Payments: payments{s}, Charges: charges{s},
		Metrics: metrics{s}, Months: months{s}, Rebuilds: rebuilds{s}, Ranking: rankings{s}, Weights: weights{s}, Gaps: gaps{s}, Published: published{s},
		Rollup: rollup{s}, Outbox: outbox{s}, Queues: queues{s}, SetAside: setAside{s}, Handled: handled{s}, Events: eventLog{s}, Leases: leases{s}, Keys: keys{s},
		Audit: audit{s}, Sales: sales{s},
		Letters: letters{s}, LetterActions: letterActions{s},
		Jobs: executions{s}, Progress: jobProgress{s}, Parts: partitions{s}, Schedule: schedules{s},
	}
}
