package process_test

import "fmt"

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
		}
		t.Logf("%s: %d ranks of %s to %s are those of the recount", r.table, len(got), from, to)
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
