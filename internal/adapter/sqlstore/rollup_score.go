package sqlstore

import (
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// bestSQL returns the statement that reads the best products of a range. Its only
// parameter is the limit. Days, products and weights are written into it, so that
// PostgreSQL plans it for them: for bounds that it does not know, it expects so few rows
// that it takes the wrong way to a million.
func bestSQL(p ranking.Period, s ranking.Schedule, r ranking.Range) string {
	first, last := p.Counted()
	score, counter := sumSQL, sumSQL
	live := score("points")
	if p.Kind == ranking.Daily {
		counter = func(column string) string { return onDaySQL(p.Last, column) }
		live = liveSQL(p.Last, s)
	}
	return fmt.Sprintf(`
		SELECT product_id, score, views, likes, orders, quantity, amount, amount_log, CAST(SUM(n) OVER () AS BIGINT)
		FROM (
			SELECT product_id, %s AS score, %s, COUNT(*) AS n
			FROM (
				SELECT product_id, day, views, likes, orders, quantity, amount, amount_log, %s AS points
				FROM product_metrics WHERE day BETWEEN %d AND %d AND product_id > %d AND product_id <= %d
			) own GROUP BY product_id
		) scored ORDER BY score DESC, product_id DESC LIMIT $1`,
		live, countersSQL(counter), pointsSQL(first.Until(last), s), first, last, r.After, r.Last)
}

func countersSQL(of func(column string) string) string {
	columns := []string{"views", "likes", "orders", "quantity", "amount", "amount_log"}
	for i, c := range columns {
		columns[i] = of(c) + " AS " + c
	}
	return strings.Join(columns, ", ")
}

func sumSQL(column string) string { return "CAST(SUM(" + column + ") AS BIGINT)" }

// onDaySQL returns the value of one day, or 0 if the product has no counters then.
func onDaySQL(day clock.Day, column string) string {
	return fmt.Sprintf("COALESCE(MAX(CASE WHEN day = %d THEN %s END), 0)", day, column)
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
		live = fmt.Sprintf("%s + %d * (%s) / 1000", onDaySQL(d, "points"), s.On(d).Weights.Carry, live)
	}
	return live
}
