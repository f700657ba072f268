// Package sqlstore keeps the shop in a SQL database. Statements are written
// once, in what PostgreSQL and SQLite have in common; the few words in which
// they differ come from a Dialect, and what they do from an Engine.
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
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Options are what a store is given from outside.
type Options struct {
	Clock  clock.Clock // when events happened
	IDs    id.Source   // ids of events
	Random backoff.Random
	// Traceparent returns the W3C trace context of a transaction's context, for
	// the events that it promises; nil for none.
	Traceparent func(context.Context) string
	Log         *slog.Logger
}

// Parts are what an engine's package puts a store together from.
type Parts struct {
	Engine  Engine
	Dialect Dialect
	Schema  Schema
	Bell    Notifier
}

// DB implements store.DB.
type DB struct {
	parts     Parts
	options   Options
	committed wakeup.Signal
	noticed   wakeup.Signal
}

var _ store.DB = (*DB)(nil)

// New returns a store of the parts of an engine. Close it after use.
func New(parts Parts, o Options) *DB {
	if o.Traceparent == nil {
		o.Traceparent = func(context.Context) string { return "" }
	}
	return &DB{parts: parts, options: o, committed: wakeup.New(), noticed: wakeup.New()}
}

// At returns the same store for somebody who lives by another clock: it tells
// when what happened there happened. Only the first one is closed.
func (d *DB) At(now clock.Clock) *DB {
	other := *d
	other.options.Clock = now
	return &other
}

// Close closes all connections.
func (d *DB) Close() error { return d.parts.Engine.Close() }

// How often a transaction is run before its last error is returned, and how
// long it waits in between.
const (
	attempts  = 10
	firstWait = 2 * time.Millisecond
	lastWait  = 200 * time.Millisecond
)

// Update implements store.DB. It must not be called inside of another Update:
// on SQLite it would wait for itself.
func (d *DB) Update(ctx context.Context, fn func(store.Tx) error) error {
	waits := backoff.New(firstWait, lastWait, d.options.Random)
	for attempt := 1; ; attempt++ {
		err := d.run(ctx, Write, fn)
		if err == nil || attempt == attempts || !d.again(err) || !backoff.Wait(ctx, waits.Next()) {
			return err
		}
	}
}

// View implements store.DB.
func (d *DB) View(ctx context.Context, fn func(store.Tx) error) error { return d.run(ctx, Read, fn) }

// Snapshot implements store.DB.
func (d *DB) Snapshot(ctx context.Context, fn func(store.Tx) error) error {
	return d.run(ctx, Still, fn)
}

func (d *DB) again(err error) bool { return errors.Is(err, errAgain) || d.parts.Engine.Retry(err) }

// run runs fn once. Whatever happens in fn, a panic included, the connection
// is given back without what was not committed.
func (d *DB) run(ctx context.Context, mode Mode, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := d.parts.Engine.Begin(ctx, mode)
	if err != nil {
		return fmt.Errorf("open a transaction: %w", err)
	}
	defer conn.End()
	s := d.session(ctx, conn, mode)
	if err := s.do(ctx, fn); err != nil {
		if d.parts.Engine.Gone(err) {
			return fmt.Errorf("%w: %w", ErrAway, err)
		}
		return err
	}
	if s.promised {
		d.committed.Notify()
	}
	return nil
}

func (s *session) do(ctx context.Context, fn func(store.Tx) error) error {
	if err := fn(s.tables()); err != nil {
		return s.blame(err)
	}
	return s.commit(ctx)
}

func (d *DB) session(ctx context.Context, conn Conn, mode Mode) *session {
	return &session{
		conn: conn, engine: d.parts.Engine, dialect: d.parts.Dialect, mode: mode,
		now: d.options.Clock, ids: d.options.IDs, trace: d.options.Traceparent(ctx),
	}
}

// blame returns why fn failed. Where a statement broke the transaction, its
// error says whether to try again, even if fn made another one of it.
func (s *session) blame(err error) error {
	if s.broken == nil || errors.Is(err, s.broken) {
		return err
	}
	return fmt.Errorf("%w (%w)", err, s.broken)
}

func (s *session) tables() store.Tx {
	return store.Tx{
		Users: users{s}, Brands: brands{s}, Products: products{s}, Stocks: stocks{s}, Likes: likes{s},
		Points: points{s}, Coupons: coupons{s}, Owned: owned{s}, Orders: orders{s}, Payments: payments{s}, Charges: charges{s},
		Metrics: metrics{s}, Ranking: rankings{s}, Outbox: outbox{s}, Handled: handled{s}, Leases: leases{s}, Keys: keys{s},
		Audit: audit{s},
	}
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
