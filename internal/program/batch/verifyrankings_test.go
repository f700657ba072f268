package batch

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// A ranking says of itself that it is of the present counters, and is not.
func TestTheVerifyJobTellsWhatDiffersAndGoesOn(t *testing.T) {
	t.Parallel()
	u := wire.Infra{Env: wire.NewEnv(slog.New(slog.DiscardHandler)), DB: storetest.SQLite(t, sqlstore.Options{})}
	forge(t, u, 20260105, 20260106)
	m, err := newMetrics(u.Env.Registry)
	if err != nil {
		t.Fatal(err)
	}
	run := func(name string) job.Execution {
		e, err := newRunner(u, m, hooks{metrics: m}).Run(t.Context(), jobs.Request{Job: name, Parameters: job.Parameters{
			"what": Tables, "from": "2026-01-05", "to": "2026-01-07",
		}})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	differences := func() map[string]float64 { return gathered(t, m.differences) }
	e := run("rankingVerifyJob")
	for _, says := range []string{"there are differences", "the daily table of 20260105: 1 rows, the first is that of product 1", "of 20260106: 1 rows"} {
		if e.Status != job.Failed || !strings.Contains(e.Message, says) {
			t.Errorf("%s %q does not say %q", e.Status, e.Message, says)
		}
	}
	if diff := cmp.Diff(map[string]float64{"commerce_ranking_differences tables": 2}, differences()); diff != "" {
		t.Error(diff)
	}
	if e := run(rebuildJob); e.Status != job.Completed {
		t.Errorf("rebuild: %+v", e)
	}
	if e := run("rankingVerifyJob"); e.Status != job.Completed || differences()["commerce_ranking_differences tables"] != 0 {
		t.Errorf("after the rebuild: %+v, %v", e, differences())
	}
}

// forge publishes rankings of days with a wrong score.
func forge(t *testing.T, u wire.Infra, days ...clock.Day) {
	t.Helper()
	err := u.DB.Update(t.Context(), func(tx store.Tx) error {
		for _, day := range days {
			tx.Metrics.Add([]metric.Counters{{ProductID: 1, Day: day, Views: 1}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, day := range days {
		p := ranking.PeriodOf(ranking.Daily, day)
		work := ranking.Work{Run: u.Env.IDs(), Period: p}
		err := u.DB.Update(t.Context(), func(tx store.Tx) error {
			first, last := p.Counted()
			changes, err := tx.Metrics.Changes(t.Context(), first, last)
			if err != nil {
				return err
			}
			tx.Rollup.Keep(work, []ranking.Row{{Entry: ranking.Entry{Rank: 1, ProductID: 1, Score: 7}, Counters: metric.Counters{Views: 1}}})
			_, err = tx.Rollup.Settle(t.Context(), work, work.Run, 10, 1)
			tx.Published.Publish(ranking.Publication{
				Period: p, Run: work.Run, AsOf: p.End(), Complete: true, Changes: changes.Sum(first, last),
				Weights: ranking.NewSchedule().Fingerprint(p), Rows: 1, Limit: 10,
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAScopeThatMeansNothingIsRefused(t *testing.T) {
	t.Parallel()
	for _, wrong := range []job.Parameters{
		{"what": "redis"}, {"days": "0"}, {"days": "9"}, {"days": "all"}, {"from": "20260105"}, {"from": "2026-01-06", "to": "2026-01-05"},
	} {
		p := job.Parameters{"what": All, "days": "8"}
		for name, value := range wrong {
			p[name] = value
		}
		if s, err := scopeOf(p); err == nil {
			t.Errorf("%v is %+v", wrong, s)
		}
	}
	want := Scope{What: Tables, Days: 3, First: 20260105, Last: 20260106}
	if got, err := scopeOf(want.Parameters()); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
