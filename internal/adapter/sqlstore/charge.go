package sqlstore

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

type charges struct{ *session }

const selectCharges = `SELECT charge_key, order_id, amount, status, reason, refund FROM charges
	WHERE order_id = $1 ORDER BY heard_us, charge_key`

// Of implements payment.ChargeTable.
func (t charges) Of(ctx context.Context, orderID id.ID) ([]payment.Charge, error) {
	return all(ctx, t.each, stmt(selectCharges, orderID), func(r row) (c payment.Charge, err error) {
		err = r.Scan(&c.Key, &c.OrderID, &c.Amount, &c.Status, &c.Reason, &c.Refund)
		return c, err
	})
}

// Save implements payment.ChargeTable.
func (t charges) Save(c payment.Charge, heardAt time.Time) {
	t.exec(`
		INSERT INTO charges (charge_key, order_id, amount, status, reason, refund, heard_us) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (order_id, charge_key) DO UPDATE SET amount = excluded.amount, status = excluded.status, reason = excluded.reason, refund = excluded.refund`,
		c.Key, c.OrderID, int64(c.Amount), string(c.Status), c.Reason, string(c.Refund), micros(heardAt))
}
