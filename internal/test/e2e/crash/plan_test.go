package crash_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// catalogue is what the shop sells, by SKU.
type catalogue map[string]product

type product struct{ id, price int64 }

const (
	perOrder  = 5 // lines; long invoices are several orders
	perCharge = 10_000_000
)

// planner draws what customers do besides the purchases of the invoices.
type planner struct {
	rng       *rand.Rand
	catalogue catalogue
	offers    []*offer
	customers []string
	acts      []*act
	orders    map[string][]*act // of each customer, without the cancelled ones
	liked     map[string]bool   // customer and product
	coupons   map[string]int    // how many each customer has
}

// plan turns the lines into acts, in their order.
func plan(rng *rand.Rand, shop catalogue, offers []*offer, lines []retail.Line) []*act {
	p := &planner{rng: rng, catalogue: shop, offers: offers, orders: map[string][]*act{}, liked: map[string]bool{}, coupons: map[string]int{}}
	for _, l := range lines {
		if l.Customer != "" && !slices.Contains(p.customers, retail.LoginID(l.Customer)) {
			p.customers = append(p.customers, retail.LoginID(l.Customer))
		}
	}
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && n < perOrder && lines[n].Invoice == lines[0].Invoice {
			n++
		}
		p.invoice(lines[:n])
		lines = lines[n:]
	}
	return p.acts
}

func (p *planner) invoice(lines []retail.Line) {
	user := retail.LoginID(lines[0].Customer)
	if lines[0].Customer == "" { // any customer
		user = p.customers[p.rng.IntN(len(p.customers))]
	}
	if lines[0].Cancelled {
		p.cancel(user)
		return
	}
	o := act{kind: order, user: user}
	for _, l := range lines {
		if product, ok := p.catalogue[l.SKU]; ok && l.SkipReason() == "" {
			o.items = append(o.items, apiclient.Item{ProductID: product.id, Quantity: l.Quantity})
			o.amount += product.price * l.Quantity
		}
	}
	if len(o.items) == 0 {
		return
	}
	p.browse(user, o.items[p.rng.IntN(len(o.items))].ProductID)
	o.pay = p.payment(user, o.amount)
	for left := o.pay.points; left > 0; left -= perCharge {
		p.add(act{kind: charge, user: user, amount: min(left, perCharge)})
	}
	p.orders[user] = append(p.orders[user], p.add(o))
	if p.rng.IntN(12) == 0 {
		p.cancel(user)
	}
}

// payment draws how an order is paid: by points, by card, or by both, sometimes
// with a coupon, which is requested before.
func (p *planner) payment(user string, amount int64) (m payment) {
	if n := p.coupons[user]; n < len(p.offers) && p.rng.IntN(4) == 0 {
		p.coupons[user]++
		m.coupon = p.add(act{kind: coupon, user: user, offer: p.offers[n]})
		m.discount = p.offers[n].discount(amount)
	}
	due := amount - m.discount
	switch p.rng.IntN(4) {
	case 0:
		m.card = due
	case 1:
		m.card = due - p.rng.Int64N(due+1)
	}
	m.points = due - m.card
	return m
}

// browse sometimes views a product, and sometimes likes or unlikes it.
func (p *planner) browse(user string, product int64) {
	if p.rng.IntN(3) == 0 {
		p.add(act{kind: view, user: user, product: product})
	}
	if p.rng.IntN(2) == 0 {
		return
	}
	k, pair := like, fmt.Sprint(user, " ", product)
	if p.liked[pair] {
		k = unlike
	}
	p.liked[pair] = !p.liked[pair]
	p.add(act{kind: k, user: user, product: product})
}

// cancel cancels one of the customer's orders, if there is one left.
func (p *planner) cancel(user string) {
	live := p.orders[user]
	if len(live) == 0 {
		return
	}
	i := p.rng.IntN(len(live))
	p.add(act{kind: cancel, user: user, order: live[i]})
	p.orders[user] = slices.Delete(live, i, i+1)
}

func (p *planner) add(a act) *act {
	switch a.kind {
	case charge, coupon, order, cancel:
		a.key = fmt.Sprintf("%s-%d", a.kind, len(p.acts))
		a.twice = p.rng.IntN(10) == 0
	case view, like, unlike:
	}
	p.acts = append(p.acts, &a)
	return &a
}
