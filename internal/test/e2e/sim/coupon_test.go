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

// offers are the coupons on offer. Of some there are fewer than people, and
// some are good for a day only, which ends while the shop is closed or open.
func offers(ids id.Source) []coupon.Coupon {
	atMost := money.Won(1_500)
	all := []coupon.Coupon{
		{Type: coupon.Fixed, Value: 700, Quantity: 3, ValidDays: 1},
		{Type: coupon.Percent, Value: 15, MaxDiscount: &atMost, Quantity: people, ValidDays: 30},
		{Type: coupon.Percent, Value: 33, MinOrderAmount: 3_000, Quantity: people, ValidDays: 30},
		{Type: coupon.Fixed, Value: 2_000, MinOrderAmount: 5_000, Quantity: people - 1, ValidDays: 5},
		{Type: coupon.Percent, Value: 100, Quantity: people, ValidDays: 30},
		{Type: coupon.Percent, Value: 7, Quantity: people, ValidDays: 1},
		{Type: coupon.Fixed, Value: 99, Quantity: people, ValidDays: 30},
		{Type: coupon.Percent, Value: 50, Quantity: 2, ValidDays: 30},
	}
	for i := range all {
		all[i].ID, all[i].Name = ids(), fmt.Sprintf("Offer %d", i)
	}
	return all
}

// owned is a coupon that somebody has.
type owned struct {
	id, user string
	offer    int
	expires  time.Time
}

// off is what an offer takes off an amount, worked out apart from the shop.
func off(c coupon.Coupon, amount int64) int64 {
	less := c.Value
	if c.Type == coupon.Percent {
		less = amount * c.Value / 100
		if c.MaxDiscount != nil && less > int64(*c.MaxDiscount) {
			less = int64(*c.MaxDiscount)
		}
	}
	return min(less, amount)
}

// collect asks for a coupon.
func (c *customer) collect() {
	n := c.rng.IntN(len(c.w.offers))
	offer := c.w.offers[n]
	a, _ := c.keyed("/api/v1/coupons/"+offer.ID.String()+"/issue", "")
	has := c.w.model.has(c.name, n)
	switch code := a.code(); {
	case a.ok() && !has:
		var o struct {
			ID        string
			ExpiresAt time.Time
		}
		if err := json.Unmarshal(a.body, &o); err != nil {
			c.w.t.Errorf("%s is issued %s: %v", c.name, a.body, err)
		}
		c.w.model.issued(owned{o.ID, c.name, n, o.ExpiresAt})
	case code == "COUPON_SOLD_OUT" && !has:
		c.w.model.gone(n)
	case code == "COUPON_ALREADY_ISSUED" && has:
	default:
		c.w.t.Errorf("%s, who has one (%v), collects offer %d: %d %s", c.name, has, n, a.status, a.body)
	}
}

func (m *model) issued(o owned) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.coupons = append(m.coupons, o)
}

func (m *model) gone(offer int) {
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

// purseOf returns the coupons that a customer has, used or not.
func (m *model) purseOf(user string) (mine []owned) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.coupons {
		if o.user == user {
			mine = append(mine, o)
		}
	}
	return mine
}

// user returns the order that uses a coupon, as far as is known; empty if none does.
func (m *model) holder(o owned) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sales {
		if s.coupon == o.id && s.live() {
			return s.id
		}
	}
	return ""
}

func (m *model) couponFacts() []string {
	var facts []string
	for _, o := range m.coupons {
		facts = append(facts, fmt.Sprintf("coupon %s of %s, offer %d, used by %q", o.id, o.user, o.offer, m.holder(o)))
	}
	return facts
}

// offerFacts are how many were issued of each offer.
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

// soldOutWrongly are the offers of which somebody was told that none is left,
// while some are.
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
