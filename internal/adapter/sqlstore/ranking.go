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
func (t rankings) Top(ctx context.Context, w ranking.Weights, day clock.Day, offset, limit int64) ([]ranking.Entry, error) {
	days := day.Add(-ranking.Window).Until(day)
	args := []any{w.View, w.Like, w.Order, int64(days[0]), int64(day)}
	for _, d := range days[1 : len(days)-1] {
		args = append(args, int64(d))
	}
	args = append(args, w.Carry, limit, offset)
	rank := offset
	return all(ctx, t.each, stmt(topSQL(len(days)), args...), func(r row) (ranking.Entry, error) {
		rank++
		e := ranking.Entry{Rank: rank}
		err := r.Scan(&e.ProductID, &e.Score)
		return e, err
	})
}

// topSQL returns ranking.Weights.Score in SQL, over n days: the points of each day
// are a column, and are added up from the oldest to the newest day. In Go, PostgreSQL
// and SQLite, divisions of integers truncate toward zero. The parameters are the
// weights, the first and the last day, the days between, carry, limit and offset.
func topSQL(n int) string {
	dayParam := func(i int) int { // of the i-th day: the first and the last come first
		switch i {
		case 0:
			return 4
		case n - 1:
			return 5
		default:
			return 5 + i
		}
	}
	carry := 4 + n
	columns := make([]string, n)
	live := "d0"
	for i := range n {
		columns[i] = fmt.Sprintf("COALESCE(MAX(CASE WHEN day = $%d THEN points END), 0) AS d%d", dayParam(i), i)
		if i > 0 {
			live = fmt.Sprintf("d%d + $%d * (%s) / 1000", i, carry, live)
		}
	}
	return fmt.Sprintf(`
		WITH own AS (
			SELECT product_id, day, 1000 * ($1 * views + $2 * likes) + $3 * amount_log AS points
			FROM product_metrics WHERE day BETWEEN $4 AND $5
		), days AS (
			SELECT product_id, %s FROM own GROUP BY product_id
		), lives AS (
			SELECT product_id, %s AS live FROM days
		)
		SELECT product_id, live FROM lives WHERE live > 0
		ORDER BY live DESC, product_id DESC LIMIT $%d OFFSET $%d`,
		strings.Join(columns, ", "), live, carry+1, carry+2)
}
