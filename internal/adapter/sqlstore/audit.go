package sqlstore

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// audit compares sums that the database computes. The rows are processed as they
// arrive, so that memory does not grow with the number of rows.
type audit struct{ *session }

// In PostgreSQL, the sum of bigints is numeric. It is cast back to bigint.
const stockSQL = `
	WITH moved AS (
		SELECT product_id, CAST(SUM(delta) AS BIGINT) AS delta,
			CAST(SUM(CASE WHEN reason IN ('INITIAL', 'ADJUSTED') THEN delta ELSE 0 END) AS BIGINT) AS put_in
		FROM stock_movements GROUP BY product_id
	), held AS (
		SELECT l.product_id, CAST(SUM(l.quantity) AS BIGINT) AS quantity
		FROM order_lines l JOIN orders o ON o.id = l.order_id
		WHERE o.status IN ('PENDING', 'PAID') GROUP BY l.product_id
	)
	SELECT s.product_id, s.quantity, COALESCE(m.delta, 0), COALESCE(m.put_in, 0) - COALESCE(h.quantity, 0)
	FROM stocks s LEFT JOIN moved m ON m.product_id = s.product_id LEFT JOIN held h ON h.product_id = s.product_id
	ORDER BY s.product_id`

// Stock implements store.Audit.
func (t audit) Stock(ctx context.Context, out store.AuditReport) error {
	return t.each(ctx, stmt(stockSQL), func(r row) error {
		var pid, stock, moved, left int64
		if err := r.Scan(&pid, &stock, &moved, &left); err != nil {
			return err
		}
		out.Checked()
		c := comparison{fmt.Sprintf("product %d", pid), out}
		c.equal("stock, sum of its movements", moved, stock)
		c.equal("stock, put in less held by live orders", left, stock)
		c.notNegative("stock", stock)
		return nil
	})
}

const walletSQL = `
	SELECT w.user_id, w.balance, COALESCE(e.amount, 0)
	FROM wallets w LEFT JOIN (
		SELECT user_id, CAST(SUM(amount) AS BIGINT) AS amount FROM point_entries GROUP BY user_id
	) e ON e.user_id = w.user_id ORDER BY w.user_id`

// Wallets implements store.Audit.
func (t audit) Wallets(ctx context.Context, out store.AuditReport) error {
	return t.each(ctx, stmt(walletSQL), func(r row) error {
		var user id.ID
		var balance, ledger int64
		if err := r.Scan(&user, &balance, &ledger); err != nil {
			return err
		}
		out.Checked()
		c := comparison{fmt.Sprintf("user %s", user), out}
		c.equal("balance, sum of the ledger", ledger, balance)
		c.notNegative("balance", balance)
		return nil
	})
}

// spentSQL adds up the ledger entries of each order and user. Entries of a user who
// is not the buyer, or of an order that does not exist, are rows of their own.
const spentSQL = `
	SELECT COALESCE(o.id, e.order_id), COALESCE(o.status, 'not there'), COALESCE(o.points, 0), COALESCE(-e.amount, 0)
	FROM orders o FULL JOIN (
		SELECT order_id, user_id, CAST(SUM(amount) AS BIGINT) AS amount FROM point_entries
		WHERE order_id IS NOT NULL GROUP BY order_id, user_id
	) e ON e.order_id = o.id AND e.user_id = o.user_id
	WHERE o.points > 0 OR e.order_id IS NOT NULL
	ORDER BY 1, 2`

// Spent implements store.Audit.
func (t audit) Spent(ctx context.Context, out store.AuditReport) error {
	return t.each(ctx, stmt(spentSQL), func(r row) error {
		var oid id.ID
		var status string
		var points, spent int64
		if err := r.Scan(&oid, &status, &points, &spent); err != nil {
			return err
		}
		out.Checked()
		c := comparison{fmt.Sprintf("order %s, %s", oid, status), out}
		c.equal("points of a live order, taken by the ledger", points*flag(order.Status(status).Live()), spent)
		return nil
	})
}

const likeSQL = `
	SELECT p.id, c.like_count, COALESCE(l.likes, 0), COALESCE(m.likes, 0)
	FROM products p JOIN product_likes c ON c.product_id = p.id
	LEFT JOIN (SELECT product_id, COUNT(*) AS likes FROM likes GROUP BY product_id) l ON l.product_id = p.id
	LEFT JOIN (
		SELECT product_id, CAST(SUM(likes) AS BIGINT) AS likes FROM (
			SELECT product_id, likes FROM product_metrics UNION ALL SELECT product_id, likes FROM product_metrics_monthly
		) b GROUP BY product_id
	) m ON m.product_id = p.id
	ORDER BY p.id`

// Likes implements store.Audit.
func (t audit) Likes(ctx context.Context, out store.AuditReport) error {
	return t.each(ctx, stmt(likeSQL), func(r row) error {
		var pid, shown, likes, daily int64
		if err := r.Scan(&pid, &shown, &likes, &daily); err != nil {
			return err
		}
		out.Checked()
		c := comparison{fmt.Sprintf("product %d", pid), out}
		c.equal("like count, number of likes", likes, shown)
		c.equal("daily net likes, number of likes", likes, daily)
		return nil
	})
}
