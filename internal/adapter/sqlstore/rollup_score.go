package sqlstore

import (
	"fmt"
	"math"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// bestSQL returns the statement that reads the best products of a range, and their
// counters. All values are written into it, so that PostgreSQL plans it for them: for
// bounds that it does not know, it expects few rows, and takes the wrong way to a
// million. The statement is Large: so PostgreSQL keeps all products of a range in memory
// while it adds up, and neither sorts nor writes files.
//
// "product_id + 0" hides the primary key. Counters are stored in the order in which
// products get their first event of a day. So the days of a period are read in one go, by
// the index of days. By the primary key, each row is read from another page: 4,800,000
// rows took 37 s instead of 4 s.
func bestSQL(p ranking.Period, s ranking.Schedule, r ranking.Range, limit int64) string {
	first, last := p.Counted()
	score := "CAST(SUM(points) AS BIGINT)"
	if p.Kind == ranking.Daily {
		score = liveSQL(p.Last, s)
	}
	return fmt.Sprintf(`
		SELECT b.product_id, b.score, b.counted, %s
		FROM (
			SELECT product_id, score, CAST(SUM(n) OVER () AS BIGINT) AS counted FROM (
				SELECT product_id, %s AS score, COUNT(*) AS n FROM (
					SELECT product_id + 0 AS product_id, day, %s AS points
					FROM product_metrics WHERE day BETWEEN %d AND %d%s
				) own GROUP BY product_id
			) scored ORDER BY score DESC, product_id DESC LIMIT %d
		) b LEFT JOIN product_metrics m ON m.product_id = b.product_id AND m.day BETWEEN %d AND %d
		GROUP BY b.product_id, b.score, b.counted ORDER BY b.score DESC, b.product_id DESC`,
		countersSQL(), score, pointsSQL(first.Until(last), s), first, last, withinSQL(r), limit, p.First, p.Last)
}

// withinSQL returns the condition that a product is in a range. An end that excludes no
// product has no condition. The two ends are written in different ways: PostgreSQL expects
// that two bounds of the same expression leave 1 of 200 rows. Then it sorts the rows,
// because it thinks that they are few.
func withinSQL(r ranking.Range) (condition string) {
	if r.After > 0 {
		condition += fmt.Sprintf(" AND product_id + 0 > %d", r.After)
	}
	if r.Last < math.MaxInt64 {
		condition += fmt.Sprintf(" AND product_id - 0 <= %d", r.Last)
	}
	return condition
}

// countersSQL returns the sums of the counters.
func countersSQL() string {
	columns := []string{"views", "likes", "orders", "quantity", "amount", "amount_log"}
	for i, c := range columns {
		columns[i] = fmt.Sprintf("CAST(COALESCE(SUM(m.%s), 0) AS BIGINT) AS %[1]s", c)
	}
	return strings.Join(columns, ", ")
}

// pointsSQL returns ranking.Weights.Own with the weights of each day.
func pointsSQL(days []clock.Day, s ranking.Schedule) string {
	text, last := "", ""
	for i := len(days) - 1; i >= 0; i-- {
		w := s.On(days[i]).Weights
		own := fmt.Sprintf("1000 * (%d * views + %d * likes) + %d * amount_log", w.View, w.Like, w.Order)
		switch {
		case text == "":
			text = own
		case own != last:
			text = fmt.Sprintf("CASE WHEN day <= %d THEN %s ELSE %s END", days[i], own, text)
		}
		last = own
	}
	return text
}

// liveSQL returns ranking.Schedule.Score: the points of the days are added up from the
// oldest to the newest. In Go, PostgreSQL and SQLite, divisions of integers truncate
// toward zero.
func liveSQL(day clock.Day, s ranking.Schedule) string {
	live := "0"
	for _, d := range day.Add(-ranking.Window).Until(day) {
		points := fmt.Sprintf("COALESCE(MAX(CASE WHEN day = %d THEN points END), 0)", d)
		live = fmt.Sprintf("%s + %d * (%s) / 1000", points, s.On(d).Weights.Carry, live)
	}
	return live
}

// checksumSQL returns the columns of a checksum, after the number of its side. The rank
// is a factor, so that rows which have changed places have another sum. No product is
// above 2^62.
func checksumSQL(side int) string {
	return fmt.Sprintf(`%d AS side, COUNT(*), CAST(COALESCE(SUM(
		(rank_no * 7919 + 1) %% 2147483647 * ((
			product_id %% 2147483647 * 104729 + score %% 2147483647 * 1299709 + views %% 2147483647 * 15485863
			+ likes %% 2147483647 * 32452843 + orders %% 2147483647 * 49979687 + quantity %% 2147483647 * 67867967
			+ amount %% 2147483647 * 86028121 + amount_log %% 2147483647 * 104395301
		) %% 2147483647) %% 2147483647
	), 0) AS BIGINT)`, side)
}
