package load

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

func couponRush(ctx context.Context, r *runner, c *crowd, rate float64, lasts time.Duration) (*Result, error) {
	const wants, quarter = 0.8, 4
	quantity := max(5, int64(rate*wants*lasts.Seconds())/quarter)
	var coupon struct{ ID string }
	if err := c.admin(ctx, "/admin/v1/coupons", map[string]any{
		"name": "Rush " + crand.Text(), "type": "FIXED", "value": 3_000, "minOrderAmount": 0, "quantity": quantity, "validDays": 7,
	}, &coupon); err != nil {
		return nil, err
	}
	customer := 0
	rec := openloop.Run(ctx, r.plan("coupon-rush", lasts, openloop.Flow{Rate: rate, Next: func(rng *rand.Rand, _ int) openloop.Request {
		const of = 10
		if rng.IntN(of) >= of*wants {
			return c.ownCoupons(rng, coupon.ID)
		}
		customer++
		return c.issue(customer, coupon.ID)
	}}))
	ctx = context.WithoutCancel(ctx) // what was measured is checked also if it was cut short
	issued := c.db.Count(ctx, `SELECT COUNT(*) FROM owned_coupons WHERE coupon_id = $1::text::uuid`, coupon.ID)
	owners := c.db.Count(ctx, `SELECT COUNT(DISTINCT user_id) FROM owned_coupons WHERE coupon_id = $1::text::uuid`, coupon.ID)
	left := c.db.Count(ctx, `SELECT quantity - issued FROM coupons WHERE id = $1::text::uuid`, coupon.ID)
	effects := append(atMost("coupons issued", issued, quantity, left, rec.Kind("issue")), effect("customers who have one", owners, issued))
	const errors = 0.001
	return &Result{
		Recording: rec, Effects: append(effects, c.books(nil)...),
		Thresholds: thresholds(rec, errors, map[string]time.Duration{"issue": 500 * time.Millisecond, "own coupons": 200 * time.Millisecond}),
	}, nil
}

// ownedCoupon is a coupon of a customer.
type ownedCoupon struct {
	ID, CouponID, Type, Status string
	Value                      int64
}

// issue asks for a coupon. Nobody asks twice, unless there are more requests than customers.
func (c *crowd) issue(customer int, coupon string) openloop.Request {
	right := decoded(http.StatusCreated, func(o ownedCoupon) error {
		if o.ID == "" || o.CouponID != coupon || o.Status != "ISSUED" || o.Value != 3_000 {
			return fmt.Errorf("the coupon is not what was asked for: %s, %d won", o.Status, o.Value)
		}
		return nil
	})
	q := apiclient.IssueCoupon("", coupon).WithToken(c.token(customer)).WithKey(crand.Text())
	return c.request("issue", q, unless("COUPON_SOLD_OUT", unless("COUPON_ALREADY_ISSUED", right)))
}

// ownCoupons reads the coupons of a customer, who has one of a kind at most.
func (c *crowd) ownCoupons(rng *rand.Rand, coupon string) openloop.Request {
	q := apiclient.Get("", "/api/v1/users/me/coupons").WithToken(c.anyone(rng))
	return c.request("own coupons", q, decoded(http.StatusOK, func(l struct{ Items []ownedCoupon }) error {
		n := 0
		for _, o := range l.Items {
			if o.ID == "" || o.CouponID == "" {
				return fmt.Errorf("a coupon of the list is not complete")
			}
			if o.CouponID == coupon {
				n++
			}
		}
		if n > 1 {
			return fmt.Errorf("a customer has a coupon twice")
		}
		return nil
	}))
}
