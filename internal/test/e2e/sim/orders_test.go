//go:build synctests

package sim_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// orderPlan is an order as a customer plans it.
type orderPlan struct {
	lines                []line
	coupon               *ownedCoupon
	amount, points, card int64
	byCard               bool
}

// planOrder draws an order paid by points, by card, or by both, sometimes with one of
// the customer's coupons, which may be used or expired.
func (c *customer) planOrder() orderPlan {
	var q orderPlan
	for _, i := range c.rng.Perm(len(products))[:1+c.rng.IntN(3)] {
		n := int64(1 + c.rng.IntN(4))
		q.lines = append(q.lines, line{ProductID: int64(i + 1), Quantity: n})
		q.amount += products[i].price * n
	}
	orders := c.sim.model.couponsOf(c.name)
	pick, use := c.rng.Float64(), c.rng.IntN(3) > 0
	if len(orders) > 0 && use {
		q.coupon = &orders[int(pick*float64(len(orders)))]
	}
	total := q.amount
	if q.coupon != nil {
		total -= discount(c.sim.offers[q.coupon.offer], q.amount)
	}
	kind, share := c.rng.IntN(10), c.rng.Float64()
	switch q.byCard = kind >= 4; {
	case kind < 4:
		q.points = total
	case kind >= 8:
		q.points = int64(share * float64(total))
	}
	q.card = total - q.points
	return q
}

// body returns the request body. The card number ends with the number of the customer.
func (q orderPlan) body(user string) string {
	var items []string
	for _, l := range q.lines {
		items = append(items, fmt.Sprintf(`{"productId":%d,"quantity":%d}`, l.ProductID, l.Quantity))
	}
	b := `{"items":[` + strings.Join(items, ",") + `]`
	if q.coupon != nil {
		b += fmt.Sprintf(`,"couponId":%q`, q.coupon.id)
	}
	if q.byCard {
		b += fmt.Sprintf(`,"points":%d,"payment":{"method":"CARD","cardType":"KB","cardNo":"4000-1111-2222-000%s"}`, q.points, user[1:])
	}
	return b + "}"
}

func (c *customer) buy() { c.place(c.planOrder()) }

func (c *customer) place(q orderPlan) {
	before := c.sim.model.orderSent(c.name, q)
	a, key := c.sendKeyed("/api/v1/orders", q.body(c.name))
	switch {
	case a.OK():
		if err := c.sim.model.orderPlaced(c.name, key, q, a.Body); err != nil {
			c.sim.t.Errorf("%s buys: %v", c.name, err)
		}
	case a.Status != 0:
		if !c.sim.model.mayRefuse(a.Code(), q, before, c.sim) {
			c.sim.t.Errorf("%s buys %s: %v", c.name, q.body(c.name), a)
		}
		c.sim.model.orderRefused(q)
	}
}

// mayRefuse reports whether a refusal can be right, as far as the model knows: a shop
// must not refuse what it could sell.
func (m *model) mayRefuse(code string, q orderPlan, before sentState, sim *simulation) bool {
	switch code {
	case "INSUFFICIENT_STOCK":
		return m.mayBeShort(q, before)
	case "INSUFFICIENT_POINTS":
		return q.points > before.balance
	case "COUPON_MINIMUM_NOT_MET":
		return q.coupon != nil && q.amount < int64(sim.offers[q.coupon.offer].MinOrderAmount)
	case "COUPON_EXPIRED":
		return q.coupon != nil && !time.Now().Before(q.coupon.expires.Add(-maxClockSkew))
	case "COUPON_ALREADY_USED":
		return q.coupon != nil && m.usedBy(*q.coupon) != ""
	default:
		return false
	}
}

// cancel cancels an order, every other time the newest one, which may wait for its card.
func (c *customer) cancel() {
	orders := c.sim.model.ordersOf(c.name)
	newest, i := c.rng.IntN(2) == 0, c.rng.Float64()
	if len(orders) == 0 {
		return
	}
	order := orders[int(i*float64(len(orders)))]
	if newest {
		order = orders[len(orders)-1]
	}
	a, _ := c.sendKeyed("/api/v1/orders/"+order.id+"/cancel", `{"reason":"changed my mind"}`)
	switch {
	case a.OK():
		if err := c.sim.model.cancelled(order.id, a.Body); err != nil {
			c.sim.t.Errorf("%s cancels: %v", c.name, err)
		}
	case a.Code() == "ORDER_STATE" && order.status == "CANCELLED": // it was cancelled before
	case a.Code() == "ORDER_STATE" && order.card > 0 && order.status != "PAID":
		c.viewOrder(order.id) // it has ended before the cancel
		if now := c.sim.model.order(order.id); now.status != "FAILED" && now.status != "EXPIRED" {
			c.sim.t.Errorf("%s cannot cancel %s, which is %s: %s", c.name, order.id, now.status, a.Body)
		}
	case a.Status != 0:
		c.sim.t.Errorf("%s cancels %s: %v", c.name, order.id, a)
	}
}

// viewOne views one of the customer's last orders.
func (c *customer) viewOne() {
	orders := c.sim.model.ordersOf(c.name)
	if i := c.rng.Float64(); len(orders) > 0 {
		c.viewOrder(orders[len(orders)-1-int(i*float64(min(len(orders), 5)))].id)
	}
}

// viewOrder views an order. Its state must be one that can follow the last one seen.
func (c *customer) viewOrder(id string) {
	a := c.retry(apiclient.ViewOrder("", id))
	var seen orderView
	if err := json.Unmarshal(a.Body, &seen); err != nil || !a.OK() {
		c.sim.t.Errorf("%s views %s: %d %s (%v)", c.name, id, a.Status, a.Body, err)
		return
	}
	if err := c.sim.model.orderSeen(seen); err != nil {
		c.sim.t.Errorf("%s: %v", c.name, err)
	}
}

// viewPending views all orders of the customer that wait for a card.
func (c *customer) viewPending() {
	for _, s := range c.sim.model.ordersOf(c.name) {
		if s.status == "PENDING" {
			c.viewOrder(s.id)
		}
	}
}
