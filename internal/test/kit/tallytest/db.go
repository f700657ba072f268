// Package tallytest is a database in memory that holds what rankings are made of.
// It can fail at any step.
package tallytest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/leasetest"
)

// DB is a store.DB whose transactions run one after another. The zero DB is
// empty.
type DB struct {
	// Fail is called at each step, if it is set: before "mark", "add", "likes",
	// "commit" and "read", and after a commit with "committed". Its error ends the
	// step.
	Fail func(step string) error
	// Clock is what leases are measured by; nil is the real clock.
	Clock clock.Clock

	mu       sync.Mutex
	state    state
	prepared []clock.Day
}

type counterKey struct {
	product int64
	day     clock.Day
}

type state struct {
	handled  map[id.ID]bool
	counters map[counterKey]metric.Counters
	likes    map[int64]int64
	leases   *leasetest.Table
	weights  []ranking.WeightsChange
	gaps     map[clock.Day]gap
	failed   error // of the first queued write that failed; it ends the commit
}

// Update implements store.DB.
func (db *DB) Update(_ context.Context, fn func(tx store.Tx) error) error {
	db.mu.Lock()
	next := state{
		handled: clone(db.state.handled), counters: clone(db.state.counters),
		likes: clone(db.state.likes), leases: db.leases(), weights: slices.Clip(db.state.weights), gaps: clone(db.state.gaps),
	}
	err := fn(db.tx(&next))
	if err == nil {
		err = next.failed
	}
	if err == nil {
		err = db.step("commit")
	}
	if err == nil {
		db.state = next
		err = db.step("committed")
	}
	db.mu.Unlock()
	return err
}

// View implements store.DB.
func (db *DB) View(_ context.Context, fn func(tx store.Tx) error) error {
	if err := db.step("read"); err != nil {
		return err
	}
	db.mu.Lock()
	now := db.state // a commit does not change the maps of the one before
	db.mu.Unlock()
	return fn(db.tx(&now))
}

// Snapshot implements store.DB.
func (db *DB) Snapshot(ctx context.Context, fn func(tx store.Tx) error) error {
	return db.View(ctx, fn)
}

// Likes returns the like counts that are not zero, by product.
func (db *DB) Likes() map[int64]int64 {
	db.mu.Lock()
	defer db.mu.Unlock()
	return maps.Clone(db.state.likes)
}

// Prepared returns the days that were prepared for marks, each time that they were.
func (db *DB) Prepared() []clock.Day {
	db.mu.Lock()
	defer db.mu.Unlock()
	return slices.Clone(db.prepared)
}

// DeleteCounters deletes the counters of a product, which no program does.
func (db *DB) DeleteCounters(productID int64) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.state.counters = clone(db.state.counters)
	maps.DeleteFunc(db.state.counters, func(at counterKey, _ metric.Counters) bool { return at.product == productID })
}

func (db *DB) tx(s *state) store.Tx {
	return store.Tx{
		Handled: handled{db, s}, Metrics: counters{db, s}, Ranking: top{counters{db, s}},
		Weights: weights{s}, Gaps: gaps{db, s}, Likes: likes{nil, db, s}, Leases: s.leases,
	}
}

// fail notes why a queued write failed.
func (s *state) fail(err error) {
	if s.failed == nil {
		s.failed = err
	}
}

// leases returns a copy of the leases for one transaction.
func (db *DB) leases() *leasetest.Table {
	if db.state.leases != nil {
		return db.state.leases.Clone()
	}
	if db.Clock == nil {
		return &leasetest.Table{Clock: time.Now}
	}
	return &leasetest.Table{Clock: db.Clock}
}

func (db *DB) step(name string) error {
	if db.Fail == nil {
		return nil
	}
	return db.Fail(name)
}

func clone[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return make(map[K]V)
	}
	return maps.Clone(m)
}
