package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	weightsPath = "/admin/v1/ranking/weights"
	moreLikes   = `{"view":0.1,"like":2.5,"order":0.7,"carry":0.25,"reason":"likes say more"}`
)

// change changes the weights.
func (r request) change(body string) request { return r.do(http.MethodPut, weightsPath, body) }

// addCounters adds counters of today, 2 March, and of the day before.
func (s *shop) addCounters(t *testing.T, rows ...metric.Counters) {
	t.Helper()
	err := s.db.Update(t.Context(), func(tx store.Tx) error {
		tx.Metrics.Add(rows)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shop) changes(t *testing.T) (changes []ranking.WeightsChange) {
	t.Helper()
	err := s.db.View(t.Context(), func(tx store.Tx) (err error) {
		changes, err = tx.Weights.Changes(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func TestAnAdminChangesTheWeightsAndTheHistorySaysWhoWhenAndWhy(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, on engine) {
		t.Helper()
		s := stockedOn(t, on)
		admin := s.as("admin")
		admin.get(weightsPath).must(t, s, 200).golden(t, "admin_weights_none")
		admin.change(moreLikes).must(t, s, 200).golden(t, "admin_weights_changed")
		s.late.Store(60)
		admin.change(`{"view":0,"like":0,"order":10,"carry":1,"reason":"카드 4111-1111-1111-1111"}`).must(t, s, 200)
		admin.get(weightsPath).must(t, s, 200).golden(t, "admin_weights")
		if log := s.log.String(); !strings.Contains(log, "weights of the ranking changed") ||
			!strings.Contains(log, "actor=admin") || !strings.Contains(log, "likes say more") || strings.Contains(log, "4111-1111-1111-1111") {
			t.Errorf("the log does not say who and why, or says too much: %s", log)
		}
	})
}

func TestTheHistoryOfWeightsHasPages(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for range 3 {
		s.as("admin").change(moreLikes).must(t, s, 200)
	}
	var seen []int64
	for cursor := ""; ; {
		var p struct {
			Items []struct{ ID int64 }
			Page  struct{ NextCursor string }
		}
		s.as("admin").get(weightsPath+"?size=2"+after(cursor)).must(t, s, 200).into(t, &p)
		for _, i := range p.Items {
			seen = append(seen, i.ID)
		}
		if cursor = p.Page.NextCursor; cursor == "" {
			break
		}
	}
	if !slices.Equal(seen, []int64{3, 2, 1}) {
		t.Errorf("the pages have the changes %v", seen)
	}
	s.as("admin").get(weightsPath+"?cursor=x").must(t, s, 400)
}

func TestARepeatedChangeOfWeightsIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	admin := s.as("admin").with("Idempotency-Key", "k")
	first := admin.change(moreLikes).must(t, s, 200)
	again := admin.change(moreLikes).must(t, s, 200)
	if first.body != again.body || again.header.Get("Idempotent-Replayed") != "true" || len(s.changes(t)) != 1 {
		t.Errorf("the answers are %s and %s, there are %d changes", first.body, again.body, len(s.changes(t)))
	}
	admin.change(strings.Replace(moreLikes, "2.5", "2.4", 1)).must(t, s, 422)
}

func TestWeightsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for name, c := range map[string]struct {
		body     string
		pointers []string
	}{
		"negative":            {`{"view":-0.1,"like":0.2,"order":0.7,"carry":0.1,"reason":"r"}`, []string{"/view"}},
		"too large":           {`{"view":10.001,"like":11,"order":1e300,"carry":0.1,"reason":"r"}`, nil},
		"all too large":       {`{"view":10.001,"like":11,"order":10.5,"carry":1.001,"reason":"r"}`, []string{"/view", "/like", "/order", "/carry"}},
		"nothing counts":      {`{"view":0,"like":0,"order":0,"carry":0.1,"reason":"r"}`, []string{"/order"}},
		"four decimals":       {`{"view":0.1001,"like":0.2,"order":0.7,"carry":0.1,"reason":"r"}`, nil},
		"a text":              {`{"view":"0.1","like":0.2,"order":0.7,"carry":0.1,"reason":"r"}`, nil},
		"without a reason":    {`{"view":0.1,"like":0.2,"order":0.7,"carry":0.1}`, nil},
		"with a blank reason": {`{"view":0.1,"like":0.2,"order":0.7,"carry":0.1,"reason":"  "}`, []string{"/reason"}},
		"a long reason":       {`{"view":0.1,"like":0.2,"order":0.7,"carry":0.1,"reason":"` + strings.Repeat("r", 501) + `"}`, nil},
		"without a weight":    {`{"like":0.2,"order":0.7,"carry":0.1,"reason":"r"}`, nil},
	} {
		p := s.as("admin").change(c.body).must(t, s, 400).problem(t)
		if len(p.Errors) == 0 && p.Code != "INVALID_WEIGHTS" {
			t.Errorf("%s: the problem %+v does not say what is wrong", name, p)
		}
		if c.pointers != nil && !slices.Equal(p.pointers(), c.pointers) {
			t.Errorf("%s: the problem is about %v, want %v", name, p.pointers(), c.pointers)
		}
	}
	if n := len(s.changes(t)); n != 0 {
		t.Errorf("%d changes were made", n)
	}
}

func TestOnlyAdminsSeeAndChangeTheWeights(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for who, status := range map[string]int{"": 401, "kim": 403} {
		s.as(who).get(weightsPath).must(t, s, status)
		s.as(who).change(moreLikes).must(t, s, status)
		s.as(who).post(weightsPath+"/preview", `{"view":1,"like":1,"order":1,"carry":0}`).must(t, s, status)
	}
}

func TestAPreviewShowsTheRankingWithOtherWeightsAndChangesNothing(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, on engine) {
		t.Helper()
		s := stockedOn(t, on)
		s.addCounters(t, metric.Counters{ProductID: 1, Day: 20260302, Views: 30, Likes: 1},
			metric.Counters{ProductID: 2, Day: 20260302, Views: 10, Likes: 4},
			metric.Counters{ProductID: 3, Day: 20260302, Views: 20, Likes: -100}, metric.Counters{ProductID: 3, Day: 20260301, Views: 1000})
		try := `{"view":0.01,"like":1,"order":0.7,"carry":0.1}`
		s.as("admin").post(weightsPath+"/preview", try).must(t, s, 200).golden(t, "admin_weights_preview")
		s.as("admin").post(weightsPath+"/preview?date=20260301", `{"view":2,"like":0,"order":0,"carry":0}`).must(t, s, 200).golden(t, "admin_weights_preview_past")
		if n := len(s.changes(t)); n != 0 {
			t.Errorf("the preview made %d changes", n)
		}
		for _, query := range []string{"?date=20260303", "?date=2026-03-01"} {
			s.as("admin").post(weightsPath+"/preview"+query, try).must(t, s, 400)
		}
		s.as("admin").post(weightsPath+"/preview", `{"view":-1,"like":1,"order":0.7,"carry":0.1}`).must(t, s, 400)
	})
}

func TestAScoreIsExplainedDayByDay(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, on engine) {
		t.Helper()
		s := stockedOn(t, on)
		s.addCounters(t, metric.Counters{ProductID: 1, Day: 20260302, Views: 3, Likes: 2, Orders: 1, Quantity: 1, Amount: 10_000, AmountLog: 9210},
			metric.Counters{ProductID: 1, Day: 20260301, Views: 7, Likes: -1}, metric.Counters{ProductID: 1, Day: 20260215, Views: 9})
		third := int64(3)
		s.rankings.rank = &third
		s.as("admin").change(moreLikes).must(t, s, 200)
		s.as("").get("/api/v1/rankings/1/explain").must(t, s, 200).golden(t, "ranking_explained")
		s.as("").get("/api/v1/rankings/1/explain?period=weekly").must(t, s, 200).golden(t, "ranking_explained_week")
		if a := s.as("").get("/api/v1/rankings/1/explain?period=monthly&date=20260228").must(t, s, 200); !strings.Contains(a.body, `"score":0.9,`) ||
			strings.Count(a.body, `"date"`) != 28 {
			t.Errorf("February is explained by %s", a.body)
		}
	})
}

// publish publishes a ranking of one product. Its counters have changed since.
func (s *shop) publish(t *testing.T, p ranking.Period, e ranking.Entry) {
	t.Helper()
	run := id.ID{15: 7}
	err := s.db.Update(t.Context(), func(tx store.Tx) error {
		work := ranking.Work{Run: run, Period: p}
		tx.Rollup.Keep(work, []ranking.Row{{Entry: e, Counters: metric.Counters{ProductID: e.ProductID, Views: 1}}})
		_, err := tx.Rollup.Settle(t.Context(), work, run, 1, 1)
		tx.Published.Publish(ranking.Publication{Period: p, Run: run, AsOf: began.Add(-time.Hour), Weights: "w", Rows: 1, Limit: 100})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnExplanationShowsWhatIsPublished(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, on engine) {
		t.Helper()
		s := stockedOn(t, on)
		s.addCounters(t, metric.Counters{ProductID: 1, Day: 20260302, Views: 3})
		s.publish(t, ranking.PeriodOf(ranking.Weekly, 20260302), ranking.Entry{Rank: 1, ProductID: 1, Score: 100_000})
		s.as("").get("/api/v1/rankings/1/explain?period=weekly").must(t, s, 200).golden(t, "ranking_explained_published")
	})
}

func TestWhatCannotBeExplained(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	for query, status := range map[string]int{
		"99/explain": 404, "0/explain": 400, "x/explain": 400,
		"1/explain?date=20260303": 400, "1/explain?date=": 400, "1/explain?date=20260230": 400,
		"1/explain?period=": 400, "1/explain?period=yearly": 400, "1/explain?period=Daily": 400,
		"1/explain?date=20260302": 200, "1/explain?date=19000101&period=monthly": 200, "1/explain?date=18991231": 400,
	} {
		s.as("").get("/api/v1/rankings/"+query).must(t, s, status)
	}
	s.as("admin").do(http.MethodPatch, "/admin/v1/products/1", `{"status":"HIDDEN"}`).must(t, s, 200)
	s.as("").get("/api/v1/rankings/1/explain").must(t, s, 404)
}
