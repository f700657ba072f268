package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// makeRefunds cancels at the gateway every charge of a payment whose refund is due,
// and writes that it is done. A refund that fails stays due.
func (s *Service) makeRefunds(d deadlines, p payment.Payment) (payment.Payment, error) {
	due, err := s.chargesDue(d.hard, p.OrderID)
	if err != nil {
		return p, err
	}
	var failed error
	for _, c := range due {
		status, err := s.cancelCharge(d.soft, p, c)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("refund %s: %w", c.Key, err))
			continue
		}
		if p, err = s.recordRefund(d.hard, p.OrderID, c.Key, status); err != nil {
			return p, err
		}
	}
	if failed == nil {
		return p, nil
	}
	p, err = s.change(d.hard, p.OrderID, func(c *change) error { return c.recordUnavailable(d.hard, failed) })
	return p, errors.Join(err, fmt.Errorf("%w (%w)", ErrGateway, failed))
}

// chargesDue returns the charges of an order whose refund is due.
func (s *Service) chargesDue(ctx context.Context, orderID id.ID) (due []payment.Charge, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		all, err := tx.Charges.Of(ctx, orderID)
		due = slices.DeleteFunc(all, func(c payment.Charge) bool { return !isRefundDue(c) })
		return err
	})
	return due, err
}

// cancelCharge refunds or voids a charge at the gateway and returns its new status. A
// charge that the gateway will not cancel may have failed, or may be cancelled
// already. Then there is nothing left to refund.
func (s *Service) cancelCharge(ctx context.Context, p payment.Payment, c payment.Charge) (payment.ChargeStatus, error) {
	cancelled, err := s.gateway.Cancel(ctx, p.UserID, p.OrderID, c.Key)
	if err == nil {
		return cancelled.Status, nil
	}
	reported, unavailable := s.gateway.Find(ctx, p.UserID, p.OrderID)
	i := slices.IndexFunc(reported, func(r payment.Charge) bool { return r.Key == c.Key })
	if unavailable == nil && i >= 0 && !reported[i].Live() {
		return reported[i].Status, nil
	}
	return "", err
}

func (s *Service) recordRefund(ctx context.Context, orderID id.ID, key string, status payment.ChargeStatus) (payment.Payment, error) {
	return s.change(ctx, orderID, func(c *change) error {
		if i := c.indexOfDue(key); i >= 0 { // else another process was faster
			c.recordRefund(i, status)
		}
		return nil
	})
}
