package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Thousands of ended payments are watched. A payment that waits must come before them.
func paymentsWaiting(s *shop) {
	u := s.user()
	var orders []id.ID
	for minute := range 4 {
		p := s.placeByCard(u.ID)
		if minute < 3 {
			ended, err := p.Decline("TR:1", "", noon())
			if err != nil {
				s.Fatal(err)
			}
			p = ended
		}
		due := noon().Add(time.Duration(minute) * time.Minute)
		p.DueAt = &due
		s.savePayment(p)
		orders = append(orders, p.OrderID)
	}
	for _, key := range []string{"TR:2", "TR:3"} {
		s.saveCharges(noon(), payment.Charge{Key: key, OrderID: orders[2], Amount: 10, Status: payment.ChargeSucceeded, Refund: payment.RefundDue})
	}
	for limit, want := range map[int][]id.ID{
		1: {orders[2]}, 2: {orders[2], orders[3]}, 3: {orders[2], orders[3], orders[0]}, 9: {orders[2], orders[3], orders[0], orders[1]},
	} {
		s.equal(want, read(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
			return tx.Payments.Due(ctx, noon().Add(time.Hour), limit)
		}))
	}
}

// Those that wait are looked for again before all that are watched have been checked.
func paymentsWatched(s *shop) {
	u := s.user()
	for i := range payment.MaxWatched + 3 {
		p := s.placeByCard(u.ID)
		if i > 0 {
			ended, err := p.Approve("TR:1", noon())
			if err != nil {
				s.Fatal(err)
			}
			p = ended
		}
		due := noon()
		p.DueAt = &due
		s.savePayment(p)
	}
	due := read(s, func(ctx context.Context, tx store.Tx) ([]id.ID, error) {
		return tx.Payments.Due(ctx, noon().Add(time.Hour), 64)
	})
	s.equal(payment.MaxWatched+1, len(due))
}
