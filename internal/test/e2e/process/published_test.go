package process_test

import (
	"fmt"
	"strings"
)

// rankTables are the tables of published rankings, with the column of their periods and
// the number of ranks that they keep, by the kind of the recount program.
var rankTables = []struct{ kind, job, table, period, top string }{
	{"daily", "dailyRankingJob", "mv_product_rank_daily", "day", "10000"},
	{"weekly", "weeklyMonthlyRankingJob", "mv_product_rank_weekly", "year_week", "100"},
	{"monthly", "weeklyMonthlyRankingJob", "mv_product_rank_monthly", "year_month", "100"},
}

// ranks selects a table of published rankings in the format of the recount program.
func ranks(table, period string) string {
	return fmt.Sprintf(`
		SELECT concat_ws(',', %s, rank_no, product_id, score, views, likes, orders, quantity, amount) FROM %s ORDER BY %[1]s, rank_no`,
		period, table)
}

// published runs the jobs of all days that have a ranking, and compares the tables that
// they publish with the recount of the file.
func (p *production) published(file string) {
	t := p.t
	t.Helper()
	const day = `SELECT to_char(to_date(%s(day)::text, 'YYYYMMDD') + %d, 'YYYY-MM-DD') FROM product_metrics`
	from := p.db.Column(t.Context(), fmt.Sprintf(day, "min", 0))[0]
	to := p.db.Column(t.Context(), fmt.Sprintf(day, "max", 7))[0] // a day is carried over for a week
	for _, job := range []string{"dailyRankingJob", "weeklyMonthlyRankingJob"} {
		if code, out := command(t, p.on.Env, "commerce-batch", "run", job, "--from", from, "--to", to); code != 0 {
			t.Fatalf("%s ends with %d\n%s", job, code, out)
		}
	}
	ids := p.productIDs()
	for _, r := range rankTables {
		want := recount(t, "-rank", r.kind, "-top", r.top, "-products", ids, file)
		got := p.db.Column(t.Context(), ranks(r.table, r.period))
		if i := firstDifference(want, got); i >= 0 || len(want) < 50 {
			t.Errorf("%d ranks of %s, period,rank,product,score,views,likes,orders,quantity,amount: row %d is\n%v\nand should be\n%v",
				len(got), r.table, i, around(got, i), around(want, i))
			continue
		}
		t.Logf("%s: %d ranks of %s to %s are those of the recount", r.table, len(got), from, to)
	}
}

// aroundMidnight are invoices of the last second of a month and of a week, and of the first
// second of the next.
const aroundMidnight = `599001,29901,LAST OF MONTH,1,2010-12-31 23:59:59,1.00,12345.0,United Kingdom
599002,29902,FIRST OF MONTH,1,2011-01-01 00:00:00,1.00,12345.0,United Kingdom
599003,29903,LAST OF WEEK,1,2011-01-02 23:59:59,1.00,12345.0,United Kingdom
599004,29904,FIRST OF WEEK,1,2011-01-03 00:00:00,1.00,12345.0,United Kingdom
`

// midnights checks where the orders of aroundMidnight are ranked.
func (p *production) midnights() {
	t := p.t
	t.Helper()
	for sku, want := range map[string]string{
		"29901": "20101231 2010-W52 2010-12", "29902": "20110101 2010-W52 2011-01",
		"29903": "20110102 2010-W52 2011-01", "29904": "20110103 2011-W01 2011-01",
	} {
		got := p.db.Column(t.Context(), `
			SELECT period FROM ranking_publications JOIN product_ranks r USING (run_id) JOIN products p ON p.id = r.product_id
			WHERE replaced_us IS NULL AND sku = $1 AND orders > 0 ORDER BY kind = 'daily' DESC, kind = 'weekly' DESC`, sku)
		if strings.Join(got, " ") != want {
			t.Errorf("the order of %s is ranked in %v, want %s", sku, got, want)
		}
	}
}

// firstDifference returns the index of the first line that differs, or -1.
func firstDifference(want, got []string) int {
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			return i
		}
	}
	return -1
}

// around returns the lines around an index.
func around(lines []string, i int) []string {
	return lines[min(len(lines), max(0, i-1)):min(len(lines), max(0, i)+3)]
}
