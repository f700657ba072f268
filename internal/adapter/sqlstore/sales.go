package sqlstore

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/order"
)

type sales struct{ *session }

const salesSQL = `
	SELECT l.product_id, l.name, l.price, l.quantity, h.at_us
	FROM orders o
	JOIN order_history h ON h.order_id = o.id AND h.status = 'PAID'
	JOIN order_lines l ON l.order_id = o.id
	WHERE o.status = 'PAID' ORDER BY l.product_id, h.at_us, o.id, l.line`

// Each implements store.Sales. The rows are processed as they arrive.
func (t sales) Each(ctx context.Context, yield func(order.Line, time.Time) error) error {
	return t.each(ctx, stmt(salesSQL), func(r row) error {
		var l order.Line
		var paid int64
		if err := r.Scan(&l.ProductID, &l.Name, &l.Price, &l.Quantity, &paid); err != nil {
			return err
		}
		return yield(l, timeOf(paid))
	})
}
