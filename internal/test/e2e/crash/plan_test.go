package crash_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
)

type kind string

const (
	view   kind = "view"
	like   kind = "like"
	unlike kind = "unlike"
	charge kind = "charge"
	coupon kind = "coupon"
	order  kind = "order"
	cancel kind = "cancel"
)

// act is one thing that a customer does, and is answered once, however often
// it has to be sent.
type act struct {
	kind    kind
	who     string
	key     string // Idempotency-Key, of what moves money or stock
	product int64  // of a view or a like
	amount  int64  // of a charge or an order, in won
	items   []item
	pay     means  // for an order
	offer   *offer // that a coupon is asked for of
	order   *act   // that a cancel calls off
	twice   bool   // sent to both APIs at once
	sound   bool   // an order whose card is charged for certain

	id string // of the order or the coupon, once answered

	// What became of an order.
	calledOff bool   // a cancel was answered with success
	tooLate   bool   // a cancel was answered that it came too late
	end       string // its last status
	paid      bool   // it was, at some time
}

// means are what an order is paid with: amount - discount = points + card.
type means struct {
	points, card, discount int64
	coupon                 *act // nil: none
}

type item struct {
	ProductID int64 `json:"productId"`
	Quantity  int64 `json:"quantity"`
}

// shelf is what the shop sells, by SKU.
type shelf map[string]struct{ id, price int64 }

const (
	perOrder  = 5 // lines; long invoices are several orders
	perCharge = 10_000_000
)

// planner draws what customers do around their invoices.
type planner struct {
	dice      *rand.Rand
	shelf     shelf
	offers    []*offer
	customers []string
	acts      []*act
	orders    map[string][]*act // of each customer, those not called off
	liked     map[string]bool   // customer and product
	coupons   map[string]int    // how many each customer has had
}

// plan makes acts of the lines, in their order.
func plan(dice *rand.Rand, shop shelf, offers []*offer, lines []retail.Line) []*act {
	p := &planner{dice: dice, shelf: shop, offers: offers, orders: map[string][]*act{}, liked: map[string]bool{}, coupons: map[string]int{}}
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
	who := retail.LoginID(lines[0].Customer)
	if lines[0].Customer == "" { // somebody bought it
		who = p.customers[p.dice.IntN(len(p.customers))]
	}
	if lines[0].Cancelled {
		p.cancel(who)
		return
	}
	o := act{kind: order, who: who}
	for _, l := range lines {
		if thing, ok := p.shelf[l.SKU]; ok && l.SkipReason() == "" {
			o.items = append(o.items, item{thing.id, l.Quantity})
			o.amount += thing.price * l.Quantity
		}
	}
	if len(o.items) == 0 {
		return
	}
	p.around(who, o.items[p.dice.IntN(len(o.items))].ProductID)
	o.pay = p.means(who, o.amount)
	for left := o.pay.points; left > 0; left -= perCharge {
		p.add(act{kind: charge, who: who, amount: min(left, perCharge)})
	}
	p.orders[who] = append(p.orders[who], p.add(o))
	if p.dice.IntN(12) == 0 {
		p.cancel(who)
	}
}

// means draws how an order is paid: by points, by card, or by both, now and then
// with a coupon, which is asked for first.
func (p *planner) means(who string, amount int64) (m means) {
	if n := p.coupons[who]; n < len(p.offers) && p.dice.IntN(4) == 0 {
		p.coupons[who]++
		m.coupon = p.add(act{kind: coupon, who: who, offer: p.offers[n]})
		m.discount = p.offers[n].off(amount)
	}
	due := amount - m.discount
	switch p.dice.IntN(4) {
	case 0:
		m.card = due
	case 1:
		m.card = due - p.dice.Int64N(due+1)
	}
	m.points = due - m.card
	return m
}

// around looks at a product, and likes it or no longer does.
func (p *planner) around(who string, product int64) {
	if p.dice.IntN(3) == 0 {
		p.add(act{kind: view, who: who, product: product})
	}
	if p.dice.IntN(2) == 0 {
		return
	}
	k, place := like, fmt.Sprint(who, " ", product)
	if p.liked[place] {
		k = unlike
	}
	p.liked[place] = !p.liked[place]
	p.add(act{kind: k, who: who, product: product})
}

// cancel calls off one of the customer's orders, if there is one left.
func (p *planner) cancel(who string) {
	live := p.orders[who]
	if len(live) == 0 {
		return
	}
	i := p.dice.IntN(len(live))
	p.add(act{kind: cancel, who: who, order: live[i]})
	p.orders[who] = slices.Delete(live, i, i+1)
}

func (p *planner) add(a act) *act {
	switch a.kind {
	case charge, coupon, order, cancel:
		a.key = fmt.Sprintf("%s-%d", a.kind, len(p.acts))
		a.twice = p.dice.IntN(10) == 0
	case view, like, unlike:
	}
	p.acts = append(p.acts, &a)
	return &a
}
