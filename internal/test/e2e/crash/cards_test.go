package crash_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// awaitPayments waits until every payment is settled.
func (s *shop) awaitPayments(ctx context.Context) {
	s.t.Helper()
	if err := s.gateway.AwaitSettled(ctx, settleTimeout, s.db); err != nil {
		s.t.Error(err)
	}
}

// placeValidOrders places some card orders again while the gateway works: all must
// be paid, else a shop that never takes money would pass this test.
func (s *shop) placeValidOrders(ctx context.Context, c *customers, acts []*act) (all []*act) {
	s.t.Helper()
	const most = 8
	s.gateway.SetScenario(ctx, "healthy")
	for _, a := range acts {
		if a.kind != order || a.pay.card != a.amount || len(all) == most {
			continue
		}
		again := &act{kind: order, user: a.user, key: fmt.Sprint("valid-", len(all)), items: a.items, amount: a.amount, pay: a.pay, valid: true}
		if err := c.complete(ctx, again, len(all)%2); err != nil {
			s.t.Error(err)
			continue
		}
		all = append(all, again)
	}
	s.awaitPayments(ctx)
	return all
}

// checkCards compares the card orders, as their customers see them, with what the
// gateway has kept.
func (s *shop) checkCards(ctx context.Context, acts []*act) {
	s.t.Helper()
	net, declined := s.gateway.ByOrder(ctx)
	statuses := map[string]int{}
	for _, a := range acts {
		if a.kind == order && a.pay.card > 0 {
			s.checkCard(a, net[a.id], declined[a.id])
			statuses[a.status]++
			delete(net, a.id)
		}
	}
	if len(net) > 0 {
		s.t.Errorf("the gateway has charged for orders that no customer knows: %v", net)
	}
	if statuses["PAID"] == 0 || statuses["FAILED"] == 0 || statuses["CANCELLED"] == 0 {
		s.t.Errorf("some card orders must be paid, some declined and some cancelled: %v", statuses)
	}
	late := s.db.Column(ctx, `SELECT concat_ws(' ', order_id, status, (ended_us - created_us) / 1e6) FROM payments
		WHERE ended_us - created_us > $1`, (expiry + expiryTolerance).Microseconds())
	if len(late) > 0 {
		s.t.Errorf("payments that took longer than they may: %v", late)
	}
	s.t.Logf("card orders: %v", statuses)
}

func (s *shop) checkCard(a *act, net int64, declined bool) {
	s.t.Helper()
	var seen apiclient.Order
	s.apis[0].Client().Must(s.t, http.StatusOK, apiclient.ViewOrder(a.user, a.id), &seen)
	if err := a.refresh(seen); err != nil {
		s.t.Error(err)
	}
	if a.valid && a.status != "PAID" {
		s.t.Errorf("order %s is %s, though nothing was wrong with the card", a.id, a.status)
	}
	want := int64(0)
	if a.status == "PAID" {
		want = a.pay.card
	}
	if net != want || a.status == "FAILED" && !declined {
		s.t.Errorf("order %s is %s: the gateway keeps %d won of it, want %d; it has declined a charge: %v", a.id, a.status, net, want, declined)
	}
}
