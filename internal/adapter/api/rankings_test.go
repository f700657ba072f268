package api_test

import (
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func TestARankingIsAskedForByADayOfItsPeriod(t *testing.T) {
	t.Parallel()
	s := open(t)
	for path, asked := range map[string]string{
		"": "daily 20260302 0 1 20 ", // 00:30 in Seoul, still the 1st in UTC
		"?period=daily&date=20260228&page=3&size=7": "daily 20260228 0 3 7 ",
		"?period=weekly":                         "weekly 2026-W10 0 1 20 ",
		"?period=weekly&date=20251229":           "weekly 2026-W01 0 1 20 ",
		"?period=weekly&date=20210103":           "weekly 2020-W53 0 1 20 ",
		"?period=monthly&brandId=7&snapshot=new": "monthly 2026-03 7 1 20 new",
		"?period=monthly&date=20240229":          "monthly 2024-02 0 1 20 ",
	} {
		s.as("").get("/api/v1/rankings"+path).must(t, s, 200)
		if s.rankings.lastQuery != asked {
			t.Errorf("%s queried %q, want %q", path, s.rankings.lastQuery, asked)
		}
	}
}

// One golden file for each kind of answer.
func TestEveryKindOfRankingMatchesItsGoldenFile(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.as("admin").post("/admin/v1/products", `{"brandId":1,"name":"Cup","price":500,"stock":1}`).must(t, s, 201)
	s.as("admin").post("/admin/v1/products", `{"brandId":1,"name":"Pot","price":500,"stock":1}`).must(t, s, 201)
	s.as("admin").do("PATCH", "/admin/v1/products/2", `{"status":"HIDDEN"}`).must(t, s, 200)
	one, three := int64(1), int64(3)
	items := []rankings.Item{
		{Entry: ranking.Entry{Rank: 1, ProductID: 3, Score: 9_000_000}, Compared: true, Previous: &three},
		{Entry: ranking.Entry{Rank: 2, ProductID: 2, Score: 8_000_000}, Compared: true, Previous: &one}, // hidden
		{Entry: ranking.Entry{Rank: 3, ProductID: 1, Score: 7_250_000}, Compared: true},                 // new
	}
	uncompared := []rankings.Item{{Entry: ranking.Entry{Rank: 1, ProductID: 1, Score: 1}}}
	for name, c := range map[string]struct {
		query string
		page  rankings.Page
	}{
		"ranking_weekly":   {"?period=weekly&date=20260225", rankings.Page{AsOf: began, Complete: true, Source: rankings.FromTable, Items: items, Snapshot: "c25hcHNob3Q"}},
		"ranking_monthly":  {"?period=monthly&date=20260302&page=2&size=1", rankings.Page{AsOf: began.Add(-time.Hour), Source: rankings.FromTable, Items: uncompared, HasMore: true, Snapshot: "c25hcHNob3Q"}},
		"ranking_fallback": {"?brandId=1", rankings.Page{AsOf: began, Source: rankings.FromDatabase, Items: uncompared}},
		"ranking_none":     {"?date=20270101", rankings.Page{AsOf: began, Source: rankings.FromNothing}},
	} {
		s.rankings.show(c.page)
		s.as("").get("/api/v1/rankings"+c.query).must(t, s, 200).golden(t, name)
	}
}

func TestARankingThatCannotBeShownSaysWhy(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, c := range []struct {
		err    error
		status int
		code   string
		after  string
	}{
		{ranking.ErrNotPublished, 404, "RANKING_NOT_PUBLISHED", "60"},
		{ranking.ErrNotKept, 410, "COUNTERS_NOT_KEPT", ""},
		{rankings.ErrBusy.After(1500 * time.Millisecond), 503, "RANKING_BUSY", "2"},
		{rankings.ErrBusy, 503, "RANKING_BUSY", "1"},
		{rankings.ErrSnapshot, 400, "INVALID_SNAPSHOT", ""},
		{rankings.ErrSnapshotExpired, 410, "SNAPSHOT_EXPIRED", ""},
	} {
		s.rankings.err = c.err
		a := s.as("").get("/api/v1/rankings").must(t, s, c.status)
		if p := a.problem(t); p.Code != c.code || a.header.Get("Retry-After") != c.after {
			t.Errorf("%s, again after %q; want %s, %q", p.Code, a.header.Get("Retry-After"), c.code, c.after)
		}
	}
}
