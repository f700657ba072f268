package sqlstore

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

type sales struct{ *session }

// The kinds of rows of booksSQL.
const (
	soldRow = iota
	dailyRow
	monthlyRow
)

// booksSQL merges three sorted lists: both engines sort the lines by themselves, on
// disk if they are many, and read the counters in the order of their primary keys.
// The columns of a line are product, 0, time, price, quantity; those of a counter are
// product, 1 or 2, day or month, orders, quantity, amount, amount_log.
const booksSQL = `
	SELECT l.product_id AS product_id, 0 AS kind, h.at_us AS at, l.price AS a, l.quantity AS b, CAST(0 AS BIGINT) AS c, CAST(0 AS BIGINT) AS d
	FROM orders o
	JOIN order_history h ON h.order_id = o.id AND h.status = 'PAID'
	JOIN order_lines l ON l.order_id = o.id
	WHERE o.status = 'PAID'
	UNION ALL
	SELECT product_id, 1, CAST(day AS BIGINT), orders, quantity, amount, amount_log FROM product_metrics
	UNION ALL
	SELECT product_id, 2, CAST(month AS BIGINT), orders, quantity, amount, amount_log FROM product_metrics_monthly
	ORDER BY product_id`

// Books implements store.Sales. The rows are processed as they arrive.
func (t sales) Books(ctx context.Context, out store.SalesReader) error {
	return t.each(ctx, stmt(booksSQL), func(r row) error {
		var product, kind, at, a, b, c, d int64
		if err := r.Scan(&product, &kind, &at, &a, &b, &c, &d); err != nil {
			return err
		}
		counters := metric.Counters{ProductID: product, Orders: a, Quantity: b, Amount: money.Won(c), AmountLog: d}
		switch kind {
		case soldRow:
			return out.Sold(order.Line{ProductID: product, Price: money.Won(a), Quantity: b}, timeOf(at))
		case dailyRow:
			counters.Day = clock.Day(at) //nolint:gosec // the column is an INTEGER
			return out.Counted(counters)
		default:
			counters.Day = metric.Month(at).First() //nolint:gosec // the column is an INTEGER
			return out.Rolled(counters)
		}
	})
}

// soldOn selects from the lines of the orders that were paid on a day. The history is
// read by its index on time, and the rest by primary keys.
const soldOn = `
	FROM order_history h
	JOIN orders o ON o.id = h.order_id AND o.status = 'PAID'
	JOIN order_lines l ON l.order_id = h.order_id
	WHERE h.status = 'PAID' AND h.at_us >= $1 AND h.at_us < $2`

func ofDay(columns, order string, day clock.Day) Stmt {
	return stmt(`SELECT `+columns+soldOn+order, micros(day.Start()), micros(day.Add(1).Start()))
}

// On implements store.Sales. The rows are processed as they arrive.
func (t sales) On(ctx context.Context, day clock.Day, yield func(store.Sold) error) error {
	q := ofDay(`o.id, l.line, l.product_id, l.name, l.price, l.quantity, h.at_us`, ` ORDER BY h.at_us, o.id, l.line`, day)
	return t.each(ctx, q, func(r row) error {
		var s store.Sold
		var paid int64
		if err := r.Scan(&s.Order, &s.Number, &s.Line.ProductID, &s.Line.Name, &s.Line.Price, &s.Line.Quantity, &paid); err != nil {
			return err
		}
		s.PaidAt = timeOf(paid)
		return yield(s)
	})
}

// StateOn implements store.Sales. A line never changes: the order of a line may only be
// cancelled, or be paid by a transaction that ends after the day. Every change of a
// counter adds to its version.
func (t sales) StateOn(ctx context.Context, day clock.Day) (string, error) {
	sold := ofDay(`COUNT(*), CAST(COALESCE(SUM(l.quantity), 0) AS BIGINT), CAST(COALESCE(SUM(l.quantity * l.price), 0) AS BIGINT)`, ``, day)
	counted := stmt(`SELECT COUNT(*), CAST(COALESCE(SUM(version), 0) AS BIGINT), 0 FROM product_metrics WHERE day = $1`, int64(day))
	lines, err := figures(ctx, t.session, sold)
	if err != nil {
		return "", err
	}
	counters, err := figures(ctx, t.session, counted)
	return fmt.Sprintf("lines %d, pieces %d, won %d; counters %d, versions %d",
		lines[0], lines[1], lines[2], counters[0], counters[1]), err
}

// figures returns the three figures of a row.
func figures(ctx context.Context, s *session, q Stmt) (found [3]int64, err error) {
	err = s.each(ctx, q, func(r row) error { return r.Scan(&found[0], &found[1], &found[2]) })
	return found, err
}

const likedSQL = `
	SELECT p.id, COALESCE(l.likes, 0), c.like_count, COALESCE(m.likes, 0), COALESCE(l.newest, 0)
	FROM products p JOIN product_likes c ON c.product_id = p.id
	LEFT JOIN (
		SELECT product_id, COUNT(*) AS likes, MAX(CASE WHEN at_us < $1 THEN at_us END) AS newest FROM likes GROUP BY product_id
	) l ON l.product_id = p.id
	LEFT JOIN (
		SELECT product_id, CAST(SUM(likes) AS BIGINT) AS likes FROM (
			SELECT product_id, likes FROM product_metrics UNION ALL SELECT product_id, likes FROM product_metrics_monthly
		) b GROUP BY product_id
	) m ON m.product_id = p.id
	WHERE c.like_count <> COALESCE(l.likes, 0) OR COALESCE(m.likes, 0) <> COALESCE(l.likes, 0)
	ORDER BY p.id`

// Liked implements store.Sales. The rows are processed as they arrive.
func (t sales) Liked(ctx context.Context, before clock.Day, yield func(store.Liked) error) error {
	return t.each(ctx, stmt(likedSQL, micros(before.Start())), func(r row) error {
		var l store.Liked
		var newest int64
		if err := r.Scan(&l.ProductID, &l.Likes, &l.Shown, &l.Counted, &newest); err != nil {
			return err
		}
		if newest != 0 {
			l.Newest = timeOf(newest)
		}
		return yield(l)
	})
}
