package rollup_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/ranktest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// env is a database with the service, and a clock that the test sets.
type env struct {
	testing.TB
	db      store.DB
	service *rollup.Service
	ids     id.Source

	mu       sync.Mutex
	now      time.Time
	schedule ranking.Schedule
	previews map[string][]rollup.Change // of dry runs, by period
}

// today is a Wednesday in the middle of a month.
const today clock.Day = 20260318

func noonOf(day clock.Day) time.Time { return day.Start().Add(12 * time.Hour) }

func open(tb testing.TB, db store.DB) *env {
	tb.Helper()
	s := &env{TB: tb, db: db, ids: id.NewSource(time.Now, rand.Reader), now: noonOf(today), previews: map[string][]rollup.Change{}}
	s.service = rollup.New(rollup.Config{
		DB: db, IDs: s.ids, Clock: s.clock, Log: slog.New(slog.DiscardHandler),
		Schedules: func(context.Context, store.Tx) (ranking.Schedule, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.schedule, nil
		},
		Preview: func(_ context.Context, p ranking.Period, changes []rollup.Change) { s.previews[p.Key()] = changes },
	})
	s.sell(6)
	return s
}

// sell adds n products. The ranges of products are those of the ids of products for sale.
func (s *env) sell(n int) {
	s.Helper()
	err := s.db.Update(s.Context(), func(tx store.Tx) error {
		brand, err := tx.Brands.Add(s.Context(), product.Brand{Name: "Acme"})
		for range n {
			if err == nil {
				_, err = tx.Products.Add(s.Context(), product.Product{BrandID: brand.ID, Name: "Cup", Price: 1_000, Status: product.OnSale, CreatedAt: s.clock()})
			}
		}
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}

func onSQLite(t *testing.T) *env {
	t.Helper()
	return open(t, storetest.SQLite(t, sqlstore.Options{}))
}

// eachEngine runs a test on both engines.
func eachEngine(t *testing.T, test func(t *testing.T, s *env)) {
	t.Helper()
	for name, store := range map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB{
		"sqlite": storetest.SQLite, "postgres": storetest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, store(t, sqlstore.Options{})))
		})
	}
}

func (s *env) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *env) set(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

func (s *env) weigh(changes ...ranking.WeightsChange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schedule = ranking.NewSchedule(changes...)
}

func (s *env) count(deltas ...metric.Counters) {
	s.Helper()
	if err := s.db.Update(s.Context(), func(tx store.Tx) error { tx.Metrics.Add(deltas); return nil }); err != nil {
		s.Fatal(err)
	}
}

// views counts n views of a product on a day.
func (s *env) views(product int64, day clock.Day, n int64) {
	s.Helper()
	s.count(metric.Counters{ProductID: product, Day: day, Views: n})
}

func (s *env) job(name string) batch.Job {
	s.Helper()
	for _, j := range s.service.Jobs() {
		if j.Name == name {
			return j
		}
	}
	s.Fatalf("there is no job %s", name)
	return batch.Job{}
}

func (s *env) begin(name string) *ranktest.Run {
	s.Helper()
	return &ranktest.Run{DB: s.db, Job: s.job(name), ID: s.ids(), At: s.clock()}
}

func (s *env) run(name string, p job.Parameters) *ranktest.Run {
	s.Helper()
	r := s.begin(name)
	if err := r.Do(s.Context(), p); err != nil {
		s.Fatal(err)
	}
	return r
}

// runAll runs both jobs with what is due.
func (s *env) runAll() {
	s.Helper()
	s.run(rollup.DailyJob, nil)
	s.run(rollup.WeeklyMonthlyJob, nil)
}

// view returns what fn reads.
func view[T any](s *env, fn func(ctx context.Context, tx store.Tx) (T, error)) (v T) {
	s.Helper()
	err := s.db.Snapshot(s.Context(), func(tx store.Tx) (err error) {
		v, err = fn(s.Context(), tx)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return v
}

// published returns the rows of all published rankings, by kind and period.
func (s *env) published() map[ranking.Period][]ranking.Row {
	s.Helper()
	return view(s, func(ctx context.Context, tx store.Tx) (map[ranking.Period][]ranking.Row, error) {
		all := map[ranking.Period][]ranking.Row{}
		for _, kind := range ranking.Kinds() {
			found, err := tx.Published.Currents(ctx, kind, 10101, 99991230)
			if err != nil {
				return nil, err
			}
			for _, p := range found {
				if all[p.Period], err = tx.Published.Rows(ctx, p.Run, 0, 1_000); err != nil {
					return nil, err
				}
			}
		}
		return all, nil
	})
}

func (s *env) current(p ranking.Period) ranking.Publication {
	s.Helper()
	return view(s, func(ctx context.Context, tx store.Tx) (ranking.Publication, error) {
		return tx.Published.Current(ctx, p)
	})
}

// due returns the keys of the periods of a kind that are due.
func (s *env) due(kind ranking.Kind) []string {
	s.Helper()
	return keys(view(s, func(ctx context.Context, tx store.Tx) ([]ranking.Period, error) { return s.service.Due(ctx, tx, kind) }))
}

func keys(periods []ranking.Period) (all []string) {
	for _, p := range periods {
		all = append(all, p.Key())
	}
	return all
}

// purge deletes what was replaced before a time.
func (s *env) purge(before time.Time) (n int64) {
	s.Helper()
	err := s.db.Update(s.Context(), func(tx store.Tx) (err error) {
		n, err = tx.Published.Purge(s.Context(), before, 10_000)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// forge publishes the ranking of a period again, with another score of the row with an
// index.
func (s *env) forge(p ranking.Period, index int) {
	s.Helper()
	rows, publication := s.published()[p], s.current(p)
	rows[index].Score++
	publication.Run = s.ids()
	work := ranking.Work{Run: publication.Run, Period: p}
	err := s.db.Update(s.Context(), func(tx store.Tx) error {
		tx.Rollup.Keep(work, rows)
		_, err := tx.Rollup.Settle(s.Context(), work, publication.Run, 100, int64(len(rows)))
		tx.Published.Publish(publication)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}
