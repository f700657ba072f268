//go:build synctests

package sim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// wish is an order as a customer means it, and what it must come to.
type wish struct {
	lines                  []line
	coupon                 *owned
	amount, points, cardOf int64
	byCard                 bool
}

// wishes draws an order: by points, by card, or by both, now and then with a
// coupon of one's own, which may be used or out of date.
func (c *customer) wishes() wish {
	var q wish
	for _, i := range c.rng.Perm(len(wares))[:1+c.rng.IntN(3)] {
		n := int64(1 + c.rng.IntN(4))
		q.lines = append(q.lines, line{ProductID: int64(i + 1), Quantity: n})
		q.amount += wares[i].price * n
	}
	mine := c.w.model.purseOf(c.name)
	pick, use := c.rng.Float64(), c.rng.IntN(3) > 0
	if len(mine) > 0 && use {
		q.coupon = &mine[int(pick*float64(len(mine)))]
	}
	total := q.amount
	if q.coupon != nil {
		total -= off(c.w.offers[q.coupon.offer], q.amount)
	}
	kind, share := c.rng.IntN(10), c.rng.Float64()
	switch q.byCard = kind >= 4; {
	case kind < 4:
		q.points = total
	case kind >= 8:
		q.points = int64(share * float64(total))
	}
	q.cardOf = total - q.points
	return q
}

// body is the wish as the API takes it. The number of the card says whose it is.
func (q wish) body(user string) string {
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

func (c *customer) buy() { c.order(c.wishes()) }

func (c *customer) order(q wish) {
	before := c.w.model.asks(c.name, q)
	a, key := c.keyed("/api/v1/orders", q.body(c.name))
	switch {
	case a.ok():
		if err := c.w.model.bought(c.name, key, q, a.body); err != nil {
			c.w.t.Errorf("%s buys: %v", c.name, err)
		}
	case a.status != 0:
		if !c.w.model.mayRefuse(a.code(), q, before, c.w) {
			c.w.t.Errorf("%s buys %s: %d %s", c.name, q.body(c.name), a.status, a.body)
		}
		c.w.model.refused(q)
	}
}

// mayRefuse reports whether a refusal can be right, as far as is known: a shop
// that refuses what it could sell is as wrong as one that sells what it has not.
func (m *model) mayRefuse(code string, q wish, before known, w *world) bool {
	switch code {
	case "INSUFFICIENT_STOCK":
		return m.mayLack(q, before)
	case "INSUFFICIENT_POINTS":
		return q.points > before.balance
	case "COUPON_MINIMUM_NOT_MET":
		return q.coupon != nil && q.amount < int64(w.offers[q.coupon.offer].MinOrderAmount)
	case "COUPON_EXPIRED":
		return q.coupon != nil && !time.Now().Before(q.coupon.expires.Add(-skew))
	case "COUPON_ALREADY_USED":
		return q.coupon != nil && m.holder(*q.coupon) != ""
	default:
		return false
	}
}

// cancel calls off an order, as often as not the newest one, which may wait for
// its card.
func (c *customer) cancel() {
	mine := c.w.model.orders(c.name)
	newest, i := c.rng.IntN(2) == 0, c.rng.Float64()
	if len(mine) == 0 {
		return
	}
	order := mine[int(i*float64(len(mine)))]
	if newest {
		order = mine[len(mine)-1]
	}
	a, _ := c.keyed("/api/v1/orders/"+order.id+"/cancel", `{"reason":"changed my mind"}`)
	switch {
	case a.ok():
		if err := c.w.model.cancelled(order.id, a.body); err != nil {
			c.w.t.Errorf("%s cancels: %v", c.name, err)
		}
	case a.code() == "ORDER_STATE" && order.status == "CANCELLED": // twice
	case a.code() == "ORDER_STATE" && order.card > 0 && order.status != "PAID":
		c.look(order.id) // it was faster
		if now := c.w.model.order(order.id); now.status != "FAILED" && now.status != "EXPIRED" {
			c.w.t.Errorf("%s cannot cancel %s, which is %s: %s", c.name, order.id, now.status, a.body)
		}
	case a.status != 0:
		c.w.t.Errorf("%s cancels %s: %d %s", c.name, order.id, a.status, a.body)
	}
}

// lookAtOne looks at one of the customer's orders.
func (c *customer) lookAtOne() {
	mine := c.w.model.orders(c.name)
	if i := c.rng.Float64(); len(mine) > 0 {
		c.look(mine[len(mine)-1-int(i*float64(min(len(mine), 5)))].id)
	}
}

// look looks at an order: its state must have gone on as states do.
func (c *customer) look(id string) {
	a := c.insist(request{method: http.MethodGet, path: "/api/v1/orders/" + id})
	var seen shown
	if err := json.Unmarshal(a.body, &seen); err != nil || !a.ok() {
		c.w.t.Errorf("%s looks at %s: %d %s (%v)", c.name, id, a.status, a.body, err)
		return
	}
	if err := c.w.model.saw(seen); err != nil {
		c.w.t.Errorf("%s: %v", c.name, err)
	}
}

// lookAtAll looks at all orders of the customer that wait for a card.
func (c *customer) lookAtAll() {
	for _, s := range c.w.model.orders(c.name) {
		if s.status == "PENDING" {
			c.look(s.id)
		}
	}
}
