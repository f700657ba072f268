package rollup_test

import (
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// Each day has one view. So a period has as many views as it has days, and the days beside
// it have none of them.
func TestWeeksAndMonthsAreRankedByAllTheirDays(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	for _, span := range [][2]clock.Day{{20240125, 20240305}, {20260125, 20260605}, {20261220, 20270115}} {
		for _, day := range span[0].Until(span[1]) {
			s.views(1, day, 1)
		}
	}
	s.set(noonOf(20270201))
	s.runAll()
	published := s.published()
	for _, c := range []struct {
		kind  ranking.Kind
		first clock.Day
		key   string
		days  int64
	}{
		{ranking.Monthly, 20260201, "2026-02", 28},
		{ranking.Monthly, 20240201, "2024-02", 29},
		{ranking.Monthly, 20260401, "2026-04", 30},
		{ranking.Monthly, 20260301, "2026-03", 31},
		{ranking.Weekly, 20261221, "2026-W52", 7},
		{ranking.Weekly, 20261228, "2026-W53", 7},
		{ranking.Weekly, 20270104, "2027-W01", 7},
	} {
		p := ranking.PeriodOf(c.kind, c.first)
		rows := published[p]
		if p.Key() != c.key || len(rows) != 1 || rows[0].Counters.Views != c.days {
			t.Errorf("%s is %+v, with the rows %+v; want %d views", c.key, p, rows, c.days)
		}
	}
}
