//go:build synctests

package sim_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
)

// offers returns the coupons that customers can get. Of some there are fewer than
// customers, and some are valid for one day only, which ends while the shop is closed
// or open.
func offers(ids id.Source) []coupon.Coupon {
	atMost := money.Won(1_500)
	all := []coupon.Coupon{
		{Type: coupon.Fixed, Value: 700, Quantity: 3, ValidDays: 1},
		{Type: coupon.Percent, Value: 15, MaxDiscount: &atMost, Quantity: customerCount, ValidDays: 30},
		{Type: coupon.Percent, Value: 33, MinOrderAmount: 3_000, Quantity: customerCount, ValidDays: 30},
		{Type: coupon.Fixed, Value: 2_000, MinOrderAmount: 5_000, Quantity: customerCount - 1, ValidDays: 5},
		{Type: coupon.Percent, Value: 100, Quantity: customerCount, ValidDays: 30},
		{Type: coupon.Percent, Value: 7, Quantity: customerCount, ValidDays: 1},
		{Type: coupon.Fixed, Value: 99, Quantity: customerCount, ValidDays: 30},
		{Type: coupon.Percent, Value: 50, Quantity: 2, ValidDays: 30},
	}
	for i := range all {
		all[i].ID, all[i].Name = ids(), fmt.Sprintf("Offer %d", i)
	}
	return all
}

// ownedCoupon is a coupon of a customer.
type ownedCoupon struct {
	id, user string
	offer    int
	expires  time.Time
}

// discount returns what an offer takes off an amount, computed independently of the shop.
func discount(c coupon.Coupon, amount int64) int64 {
	less := c.Value
	if c.Type == coupon.Percent {
		less = amount * c.Value / 100
		if c.MaxDiscount != nil && less > int64(*c.MaxDiscount) {
			less = int64(*c.MaxDiscount)
		}
	}
	return min(less, amount)
}

// issueCoupon requests a coupon of any offer.
func (c *customer) issueCoupon() {
	n := c.rng.IntN(len(c.sim.offers))
	offer := c.sim.offers[n]
	a, _ := c.sendKeyed("/api/v1/coupons/"+offer.ID.String()+"/issue", "")
	has := c.sim.model.has(c.name, n)
	switch code := a.Code(); {
	case a.OK() && !has:
		var o struct {
			ID        string
			ExpiresAt time.Time
		}
		if err := json.Unmarshal(a.Body, &o); err != nil {
			c.sim.t.Errorf("%s is issued %s: %v", c.name, a.Body, err)
		}
		c.sim.model.issued(ownedCoupon{o.ID, c.name, n, o.ExpiresAt})
	case code == "COUPON_SOLD_OUT" && !has:
		c.sim.model.soldOutSeen(n)
	case code == "COUPON_ALREADY_ISSUED" && has:
	default:
		c.sim.t.Errorf("%s, who has one (%v), requests offer %d: %v", c.name, has, n, a)
	}
}

func (m *model) issued(o ownedCoupon) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.coupons = append(m.coupons, o)
}

func (m *model) soldOutSeen(offer int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.soldOut[offer] = true
}

func (m *model) has(user string, offer int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.coupons {
		if o.user == user && o.offer == offer {
			return true
		}
	}
	return false
}

// couponsOf returns the coupons that a customer has, used or not.
func (m *model) couponsOf(user string) (owned []ownedCoupon) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.coupons {
		if o.user == user {
			owned = append(owned, o)
		}
	}
	return owned
}

// usedBy returns the id of the order that uses a coupon; empty: none is known.
func (m *model) usedBy(o ownedCoupon) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.orders {
		if s.coupon == o.id && s.isLive() {
			return s.id
		}
	}
	return ""
}

func (m *model) couponFacts() []string {
	var facts []string
	for _, o := range m.coupons {
		facts = append(facts, fmt.Sprintf("coupon %s of %s, offer %d, used by %q", o.id, o.user, o.offer, m.usedBy(o)))
	}
	return facts
}

// offerFacts returns how many coupons of each offer were issued.
func (m *model) offerFacts() []string {
	counts := map[int]int{}
	for _, o := range m.coupons {
		counts[o.offer]++
	}
	var facts []string
	for offer, n := range counts {
		facts = append(facts, fmt.Sprintf("Offer %d: %d", offer, n))
	}
	return facts
}

// soldOutWrongly returns the offers that were answered as sold out although some
// coupons are left.
func (m *model) soldOutWrongly(all []coupon.Coupon) (wrong []int) {
	for offer := range m.soldOut {
		n := int64(0)
		for _, o := range m.coupons {
			if o.offer == offer {
				n++
			}
		}
		if n < all[offer].Quantity {
			wrong = append(wrong, offer)
		}
	}
	return wrong
}
