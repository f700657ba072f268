package settle

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// CancelPayment ends the payment of an order that is cancelled in tx, if it is
// pending, and marks every charge that took money, or may still do so, as due for a
// refund. The transaction holds the lock of the order, and at is its time. Recovery
// checks the payment at once; ExpediteRefunds has it checked by this process.
func (s *Service) CancelPayment(ctx context.Context, tx store.Tx, o order.Order, at time.Time) (payment.Payment, error) {
	c, err := s.openChange(ctx, tx, o, at)
	if err != nil {
		return payment.Payment{}, err
	}
	if err := c.cancel(ctx); err != nil {
		return payment.Payment{}, err
	}
	c.save()
	return c.payment, nil
}

func (c *change) cancel(ctx context.Context) (err error) {
	c.dueNow = true
	if c.payment.Status == payment.Pending {
		if c.payment, err = c.payment.Cancel("the order was cancelled", c.at); err != nil {
			return err
		}
		c.tx.Outbox.Append(c.at, c.payment.DeclinedEvent())
	}
	if err := c.judge(ctx); err != nil {
		return err
	}
	c.recordGatewayRefund()
	c.payment = c.payment.Attended()
	return nil
}
