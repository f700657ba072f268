package settle

import (
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Details is everything that the shop knows about a payment.
type Details struct {
	Payment payment.Payment
	Order   order.Order
	Charges []payment.Charge
	History []payment.Entry
}

// RefundDue reports whether the refund of a charge is due.
func (d Details) RefundDue() bool { return slices.ContainsFunc(d.Charges, isRefundDue) }

// Details returns everything about a payment, named by its id or that of its order.
func (s *Service) Details(ctx context.Context, either id.ID) (d Details, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		d, err = readDetails(ctx, tx, either)
		return err
	})
	return d, err
}

func readDetails(ctx context.Context, tx store.Tx, either id.ID) (d Details, err error) {
	if d.Payment, err = tx.Payments.Of(ctx, either); err != nil {
		return d, err
	}
	if d.Order, err = tx.Orders.Get(ctx, d.Payment.OrderID); err != nil {
		return d, err
	}
	if d.Charges, err = tx.Charges.Of(ctx, d.Payment.OrderID); err != nil {
		return d, err
	}
	d.History, err = tx.Payments.History(ctx, d.Payment.ID)
	return d, err
}

// PaymentSummary is a payment in a list.
type PaymentSummary struct {
	payment.Payment

	RefundDue bool // the refund of one of its charges is due
}

// list names the cursors of payments.
const cursorName = "payments"

// List returns a page of the payments that match the filter, newest first.
func (s *Service) List(ctx context.Context, f payment.Filter, size int, cursor string) (page.Page[PaymentSummary], error) {
	before, _, err := page.Decode[id.ID](cursorName, cursor)
	if err != nil {
		return page.Page[PaymentSummary]{}, err
	}
	var found, due []payment.Payment
	err = s.db.View(ctx, func(tx store.Tx) error {
		if found, err = tx.Payments.Find(ctx, f, before, size+1); err != nil {
			return err
		}
		f.Refunds = true // the payments of this page with a refund due are among as many of these
		due, err = tx.Payments.Find(ctx, f, before, size+1)
		return err
	})
	all := make([]PaymentSummary, len(found))
	for i, p := range found {
		isDue := slices.ContainsFunc(due, func(o payment.Payment) bool { return o.ID == p.ID })
		all[i] = PaymentSummary{p, isDue}
	}
	return page.Of(all, size, cursorName, func(l PaymentSummary) id.ID { return l.ID }), err
}
