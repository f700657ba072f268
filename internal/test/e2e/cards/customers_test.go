package cards_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// customers place orders through both APIs, and repeat a request under the same key
// until it is answered.
type customers struct {
	t       *testing.T
	retrier *apiclient.Retrier
	seed    seed
	cancels bool // a fifth of the orders are cancelled, sooner or later
}

const queues = 16

func newCustomers(s *shop, of seed) *customers {
	const timeout = 8 * time.Second
	c := &customers{t: s.t, seed: of, retrier: apiclient.NewRetrier(timeout, 2*queues, s.apis[0].URL, s.apis[1].URL)}
	s.t.Cleanup(c.retrier.Close)
	return c
}

// shop places all orders, within about this time, and cancels some of them.
func (c *customers) shop(ctx context.Context, orders []*purchase, within time.Duration) {
	c.t.Helper()
	var all sync.WaitGroup
	for q := range queues {
		rng := c.seed.rng(forCustomers + uint64(q))
		all.Go(func() {
			for i := q; i < len(orders); i += queues {
				backoff.Wait(ctx, time.Duration(2*rng.Float64()*float64(within)*queues/float64(len(orders))))
				api, delay := rng.IntN(2), time.Duration(rng.Int64N(int64(6*time.Second)))
				if !c.place(ctx, orders[i], api) {
					return
				}
				if c.cancels && i%5 == 0 {
					all.Go(func() { c.cancel(ctx, orders[i], 1-api, delay) })
				}
			}
		})
	}
	all.Wait()
	stats := c.retrier.Stats()
	c.t.Logf("%d attempts had no answer, %d answers were errors", stats.Unanswered, len(stats.Errors))
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// place places an order, and reports whether it was accepted as it was meant.
func (c *customers) place(ctx context.Context, p *purchase, api int) bool {
	c.t.Helper()
	var o apiclient.Order
	got, err := c.retrier.Do(ctx, p.request(), api)
	if err == nil {
		err = got.Decode(&o)
	}
	last4 := p.card.digits[hidden:]
	if err != nil || got.Status != http.StatusCreated || o.Status != "PENDING" || o.Amount != p.amount || o.Points != p.points ||
		o.Amount-o.Discount != o.Points+o.CardAmount || (o.Discount > 0) != (p.coupon != "") || o.Payment == nil || o.Payment.CardLast4 != last4 {
		c.t.Errorf("%s of %s (%d won, %d by points, coupon %q, card %s) was answered %v, %v", p.key, p.user, p.amount, p.points, p.coupon, last4, got, err)
		return false
	}
	p.id, p.charge, p.discount = o.ID, o.CardAmount, o.Discount
	return true
}

// cancel cancels an order after a while. It may have failed or expired by then.
func (c *customers) cancel(ctx context.Context, p *purchase, api int, after time.Duration) {
	c.t.Helper()
	backoff.Wait(ctx, after)
	got, err := c.retrier.Do(ctx, apiclient.Cancel(p.user, p.id).WithKey("cancel-"+p.key), api)
	switch {
	case err == nil && got.OK():
		p.cancelled = true
	case err != nil || got.Code() != "ORDER_STATE":
		c.t.Errorf("cancel of %s was answered %v, %v", p.id, got, err)
	}
}
