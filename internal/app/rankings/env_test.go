package rankings_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// fixedClock is a clock that the test sets.
type fixedClock struct{ nanos atomic.Int64 }

func (c *fixedClock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *fixedClock) set(t time.Time)         { c.nanos.Store(t.UnixNano()) }
func (c *fixedClock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// database is a tallytest.DB with brands and published tables. It counts folds.
type database struct {
	tallytest.DB

	published publishedTables
	brands    brandTable
	months    rolledUp
	folds     atomic.Int64
	folding   func()       // called by each fold, and each ranking of a brand in a run; nil does nothing
	open      atomic.Int64 // transactions
}

func (d *database) View(ctx context.Context, fn func(store.Tx) error) error {
	d.open.Add(1)
	defer d.open.Add(-1)
	return d.DB.View(ctx, func(tx store.Tx) error { return fn(d.with(tx)) })
}

func (d *database) Snapshot(ctx context.Context, fn func(store.Tx) error) error {
	return d.View(ctx, fn)
}

func (d *database) with(tx store.Tx) store.Tx {
	tx.Published, tx.Brands, tx.Months = slowTables{&d.published, d}, d.brands, d.months
	tx.Ranking, tx.Metrics = countedTop{tx.Ranking, d}, countedCounters{tx.Metrics, d}
	return tx
}

func (d *database) fold() {
	d.folds.Add(1)
	if d.folding != nil {
		d.folding()
	}
}

// slowTables takes time for the ranking of a brand.
type slowTables struct {
	*publishedTables
	d *database
}

func (t slowTables) OfBrand(ctx context.Context, run id.ID, brandID, offset, limit int64) ([]ranking.Row, error) {
	if t.d.folding != nil {
		t.d.folding()
	}
	return t.publishedTables.OfBrand(ctx, run, brandID, offset, limit)
}

// countedCounters counts the folds of brands.
type countedCounters struct {
	metric.Table
	d *database
}

func (t countedCounters) Of(ctx context.Context, ids []int64, first, last clock.Day) ([]metric.Counters, error) {
	t.d.fold()
	return t.Table.Of(ctx, ids, first, last)
}

type countedTop struct {
	ranking.Table
	d *database
}

func (t countedTop) Top(ctx context.Context, w ranking.Schedule, day clock.Day, offset, limit int64) ([]ranking.Entry, error) {
	t.d.fold()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return t.Table.Top(ctx, w, day, offset, limit)
}

// env is a database, a board and a reader.
type env struct {
	*testing.T
	clock  *fixedClock
	today  clock.Day
	db     *database
	board  redistest.Board
	reader *rankings.Reader
}

// embedded returns an env at noon, far from midnight.
func embedded(t *testing.T) *env {
	t.Helper()
	clk := new(fixedClock)
	clk.set(clock.DayOf(time.Now()).Start().Add(12 * time.Hour))
	s := &env{T: t, clock: clk, today: clock.DayOf(clk.now()), db: new(database), board: redistest.Embedded(t, clk.now)}
	s.db.Clock = clk.now
	s.reader = newReader(s.db, s.board, clk.now)
	return s
}

func newReader(db store.DB, board rankings.Board, now clock.Clock) *rankings.Reader {
	return rankings.New(rankings.Config{DB: db, Board: board, Clock: now, IDs: id.NewSource(now, rand.Reader), Log: discard()})
}

// count adds views of products, named by how many days ago.
func (s *env) count(daysAgo int, views map[int64]int64) {
	s.Helper()
	err := s.db.Update(s.Context(), func(tx store.Tx) error {
		for pid, n := range views {
			tx.Metrics.Add([]metric.Counters{{ProductID: pid, Day: s.today.Add(-daysAgo), Views: n}})
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

func (s *env) rebuild(days ...clock.Day) {
	s.Helper()
	builder := leaderboard.NewBuilder(s.db, s.board, s.clock.now, "builder", discard())
	if err := builder.Rebuild(s.Context(), days, nil); err != nil {
		s.Fatal(err)
	}
}

// set writes a score to a complete board.
func (s *env) set(day clock.Day, pid, live int64) {
	s.Helper()
	err := s.board.Set(s.Context(), day, 0, []ranking.Score{{ProductID: pid, Own: live, Live: live, Version: 1 << 40}})
	if err != nil {
		s.Fatal(err)
	}
}

// publish publishes a ranking of a period: the products in order of their ranks.
func (s *env) publish(p ranking.Period, asOf time.Time, products ...int64) id.ID {
	s.Helper()
	run := id.NewSource(time.Now, rand.Reader)()
	s.db.published.publish(ranking.Publication{
		Period: p, Run: run, AsOf: asOf, Complete: !asOf.Before(p.End()), Rows: int64(len(products)), Limit: rankings.Depth,
	}, products)
	return run
}

func (s *env) daily(daysAgo int) rankings.Query {
	return rankings.Query{Period: ranking.PeriodOf(ranking.Daily, s.today.Add(-daysAgo)), Number: 1, Size: 10}
}

func (s *env) read(q rankings.Query) rankings.Page {
	s.Helper()
	p, err := s.reader.Read(s.Context(), q)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// demand reads a page and compares its source and its products.
func (s *env) demand(q rankings.Query, source rankings.Source, products ...int64) rankings.Page {
	s.Helper()
	p := s.read(q)
	var got []int64
	for i, item := range p.Items {
		got = append(got, item.ProductID)
		if want := (q.Number-1)*q.Size + int64(i) + 1; item.Rank != want {
			s.Errorf("rank %d, want %d", item.Rank, want)
		}
	}
	if diff := cmp.Diff(products, got); diff != "" || p.Source != source {
		s.Errorf("from %s, want %s; products: %s", p.Source, source, diff)
	}
	return p
}

// publishedTables implements ranking.PublishedTable in memory.
type publishedTables struct {
	ranking.PublishedTable

	mu      sync.Mutex
	current map[ranking.Period]ranking.Publication
	rows    map[id.ID][]ranking.Row
}

func (t *publishedTables) publish(p ranking.Publication, products []int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == nil {
		t.current, t.rows = map[ranking.Period]ranking.Publication{}, map[id.ID][]ranking.Row{}
	}
	t.current[p.Period] = p
	for i, pid := range products {
		score := ranking.Points(1_000_000 * (len(products) - i))
		t.rows[p.Run] = append(t.rows[p.Run], ranking.Row{Entry: ranking.Entry{Rank: int64(i) + 1, ProductID: pid, Score: score}})
	}
}

func (t *publishedTables) purge(run id.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.rows, run)
}

func (t *publishedTables) Current(_ context.Context, p ranking.Period) (ranking.Publication, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if found, ok := t.current[p]; ok {
		return found, nil
	}
	return ranking.Publication{}, ranking.ErrNotPublished
}

func (t *publishedTables) Rows(_ context.Context, run id.ID, offset, limit int64) ([]ranking.Row, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := int64(len(t.rows[run]))
	return t.rows[run][min(offset, n):min(offset+limit, n)], nil
}

func (t *publishedTables) OfBrand(_ context.Context, run id.ID, brandID, offset, limit int64) (found []ranking.Row, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, row := range t.rows[run] {
		if brandOf(row.ProductID) == brandID {
			row.Rank = int64(len(found)) + 1
			found = append(found, row)
		}
	}
	n := int64(len(found))
	return found[min(offset, n):min(offset+limit, n)], nil
}

func (t *publishedTables) Ranks(_ context.Context, run id.ID, ids []int64) (map[int64]int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all, found := map[int64]int64{}, map[int64]int64{}
	for _, row := range t.rows[run] {
		all[row.ProductID] = row.Rank
	}
	for _, pid := range ids {
		if rank, ok := all[pid]; ok {
			found[pid] = rank
		}
	}
	return found, nil
}

// brandOf is the brand of a product: there are nine, and brand 9 has many products.
func brandOf(pid int64) int64 {
	if pid > 100 {
		return 9
	}
	return pid/10 + 1
}

// rolledUp has the months whose daily counters are not kept.
type rolledUp map[metric.Month]bool

func (m rolledUp) Has(_ context.Context, month metric.Month) (bool, error) { return m[month], nil }

// The other methods of metric.MonthTable are not used by readers.
func (rolledUp) Ended(context.Context, clock.Day) ([]metric.Month, error) { return nil, nil }
func (rolledUp) RollUp(context.Context, metric.Month, int64, int) (last, moved int64, err error) {
	return 0, 0, nil
}
func (rolledUp) Of(context.Context, int64, metric.Month) (c metric.Counters, err error) {
	return c, nil
}

// brandTable has the brands 1 to 9. Brand 9 has the products 101 to last.
type brandTable struct {
	product.BrandTable
	last int64
}

func (brandTable) Get(_ context.Context, bid int64) (product.Brand, error) {
	if bid < 1 || bid > 9 {
		return product.Brand{}, product.ErrBrandNotFound
	}
	return product.Brand{ID: bid}, nil
}

func (t brandTable) Products(_ context.Context, bid, after int64, limit int) (ids []int64, err error) {
	for pid := after + 1; pid <= max(100, t.last) && len(ids) < limit; pid++ {
		if brandOf(pid) == bid {
			ids = append(ids, pid)
		}
	}
	return ids, nil
}
