package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

type rankings struct{ *session }

// Top implements ranking.Table.
func (t rankings) Top(ctx context.Context, s ranking.Schedule, day clock.Day, offset, limit int64) ([]ranking.Entry, error) {
	lives, args := livesSQL(s, day)
	q := stmt(fmt.Sprintf(`%s SELECT product_id, live FROM lives WHERE live > 0
		ORDER BY live DESC, product_id DESC LIMIT %s OFFSET %s`, lives, param(len(args)+1), param(len(args)+2)),
		append(args, limit, offset)...)
	rank := offset
	return all(ctx, t.each, q, func(r row) (ranking.Entry, error) {
		rank++
		e := ranking.Entry{Rank: rank}
		err := r.Scan(&e.ProductID, &e.Score)
		return e, err
	})
}

// Ranks implements ranking.Table.
func (t rankings) Ranks(ctx context.Context, s ranking.Schedule, day clock.Day, productIDs []int64) (map[int64]int64, error) {
	lives, args := livesSQL(s, day)
	q := stmt(fmt.Sprintf(`%s SELECT product_id, place FROM (
			SELECT product_id, ROW_NUMBER() OVER (ORDER BY live DESC, product_id DESC) AS place FROM lives WHERE live > 0
		) places WHERE %s`, lives, t.dialect.In("product_id", BigInt, len(args)+1)), append(args, productIDs)...)
	ranks := make(map[int64]int64, len(productIDs))
	return ranks, t.each(ctx, q, func(r row) error {
		var pid, rank int64
		err := r.Scan(&pid, &rank)
		ranks[pid] = rank
		return err
	})
}

// livesSQL returns ranking.Schedule.Score in SQL: the common table expression lives, with
// the live scores of a day. The own points of each day, by the weights of the day, are a
// column, and are added up from the oldest to the newest day. In Go, PostgreSQL and
// SQLite, divisions of integers truncate toward zero.
func livesSQL(s ranking.Schedule, day clock.Day) (text string, args []any) {
	bind := func(v int64) string {
		args = append(args, v)
		return param(len(args))
	}
	days := day.Add(-ranking.Window).Until(day)
	columns, dates := make([]string, len(days)), make([]string, len(days))
	for i, d := range days {
		w := s.On(d).Weights
		dates[i] = bind(int64(d))
		columns[i] = fmt.Sprintf("COALESCE(MAX(CASE WHEN day = %s THEN 1000 * (%s * views + %s * likes) + %s * amount_log END), 0) AS d%d",
			dates[i], bind(w.View), bind(w.Like), bind(w.Order), i)
	}
	last := len(days) - 1
	live := strings.Builder{} // d7 + carry x (d6 + carry x (...) / 1000) / 1000
	for i := last; i > 0; i-- {
		fmt.Fprintf(&live, "d%d + %s * (", i, bind(s.On(days[i]).Weights.Carry))
	}
	live.WriteString("d0" + strings.Repeat(") / 1000", last))
	return fmt.Sprintf(`
		WITH days AS (
			SELECT product_id, %s FROM product_metrics WHERE day BETWEEN %s AND %s GROUP BY product_id
		), lives AS (
			SELECT product_id, %s AS live FROM days
		)`, strings.Join(columns, ", "), dates[0], dates[last], live.String()), args
}
