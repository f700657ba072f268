package checkout

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// sale is one attempt to sell the baskets of a group, in a transaction. It has what is
// left after the orders that it has judged, and what has to be written for them.
type sale struct {
	*Service

	at     time.Time // the time of the transaction
	left   store.GroupState
	waited waited

	orders    []order.Order
	payments  []payment.Payment
	coupons   []coupon.IssuedCoupon
	wallets   map[id.ID]bool // that have changed
	entries   []point.Entry
	stocks    map[int64]bool // that have changed
	movements []product.Movement
	events    []store.TracedEvent
	answers   map[store.Key]store.Answer
	running   map[store.Key]bool // keys of placements that are blocked
}

// waited has the rows that the transaction has waited for. One of them that was not found
// does not exist.
type waited map[row]bool

func newSale(s *Service, found store.GroupState, wait store.GroupRows) *sale {
	rows := waited{}
	for _, user := range wait.Wallets {
		rows[walletRow(user)] = true
	}
	for _, pid := range wait.Products {
		rows[stockRow(pid)] = true
	}
	return &sale{
		Service: s, at: s.now(), left: found, waited: rows, wallets: map[id.ID]bool{}, stocks: map[int64]bool{},
		answers: map[store.Key]store.Answer{}, running: map[store.Key]bool{},
	}
}

// judge gives a placement its outcome. A panic fails this order only.
func (s *sale) judge(p *placement) {
	p.reset()
	p.err = panics.Caught(func() error { return s.sell(p) })
	if r := p.guard.Request(); r != nil && p.blocked != (row{}) {
		s.running[r.Key] = true
	}
}

// draft is an order that is not placed yet, with what it would leave.
type draft struct {
	order  order.Order
	wallet point.Wallet
	coupon *coupon.IssuedCoupon
	stocks []product.Stock
	events []event.Event
	answer *store.Answer
}

// sell places an order, or returns why it is refused. Nothing of the sale changes before
// all is known to be right. It leaves p.blocked if somebody else holds a row.
func (s *sale) sell(p *placement) error {
	if err := s.enter(p); err != nil {
		return err
	}
	d, err := s.draft(p)
	switch {
	case err != nil:
		return s.refuse(p, err)
	case p.blocked != row{}:
		return nil
	}
	if d.answer, err = p.guard.Answer(d.order); err == nil {
		s.accept(p, d)
	}
	return err
}

// refuse has the answer to a refusal kept under the key of the request.
func (s *sale) refuse(p *placement, cause error) error {
	kept := p.guard.Refusal(cause)
	if kept == nil {
		return cause
	}
	s.answers[p.guard.Request().Key] = *kept
	return &store.KeptError{Cause: cause}
}

// enter checks the idempotency key of a placement. Of two in one group, the second has
// the answer of the first.
func (s *sale) enter(p *placement) error {
	if err := p.ctx.Err(); err != nil {
		return err // its caller is gone
	}
	r := p.guard.Request()
	if r == nil {
		return nil
	}
	claim := s.left.Claims[r.Key]
	kept, given := s.answers[r.Key]
	switch {
	case claim.Kept != nil:
		return r.Check(*claim.Kept)
	case given:
		return r.Check(kept)
	case !claim.Mine || s.running[r.Key]:
		return store.ErrKeyInUse
	default:
		return nil
	}
}

// draft returns the order of a placement, or why it is refused.
func (s *sale) draft(p *placement) (d draft, err error) {
	if err := p.slot.reserve(); err != nil {
		return d, err
	}
	lines, err := s.price(p)
	if err != nil {
		return d, err
	}
	if d.order, err = order.New(s.ids(), p.request.UserID, lines, s.at); err != nil {
		return d, err
	}
	w, found := s.left.Wallets[p.request.UserID]
	if !found {
		return d, s.block(p, walletRow(p.request.UserID), point.ErrNoWallet)
	}
	if err = s.fund(p, &d); err != nil || p.blocked != (row{}) {
		return d, err
	}
	if d.wallet, err = w.Spend(d.order.Points); err != nil {
		return d, err
	}
	if err = s.pay(p, &d); err != nil {
		return d, err
	}
	return d, s.take(p, &d)
}

// block notes that somebody else holds a row. If the transaction has waited for it, it
// does not exist.
func (s *sale) block(p *placement, r row, missing error) error {
	if s.waited[r] {
		return missing
	}
	p.blocked = r
	return nil
}

// price returns the lines of the order at the current prices.
func (s *sale) price(p *placement) ([]order.Line, error) {
	lines := make([]order.Line, 0, len(p.basket.Wants()))
	for _, w := range p.basket.Wants() {
		l, ok := s.left.Products[w.ProductID]
		if !ok || l.Status == product.Hidden {
			return nil, missing(w.ProductID)
		}
		known, locked := s.left.Stocks[w.ProductID]
		if !locked {
			known = product.StockOf(l.ID, l.Stock)
		}
		if _, err := known.Take(w.Quantity); err != nil {
			return nil, err // sold out: do not wait for the lock to find out
		}
		lines = append(lines, order.Line{ProductID: l.ID, Name: l.Name, Price: l.Price, Quantity: w.Quantity})
	}
	return lines, nil
}

// fund decides how the order is paid, and uses the coupon.
func (s *sale) fund(p *placement, d *draft) (err error) {
	var discount money.Won
	if named, has := p.coupon(); has {
		c, found := s.left.Coupons[named]
		switch {
		case !found:
			return coupon.ErrNotFound
		case !c.Locked:
			p.blocked = couponRow(named)
			return nil
		}
		used, err := c.Use(d.order.ID, s.at)
		if err != nil {
			return err
		}
		if discount, err = used.Coupon.Discount(d.order.Amount); err != nil {
			return err
		}
		d.coupon = &used
		d.order = d.order.WithCoupon(order.Coupon{ID: used.ID, CouponID: used.Coupon.ID, Name: used.Coupon.Name})
	}
	d.order, err = d.order.FundedBy(discount, p.request.points(d.order.Amount-discount))
	if err == nil && d.order.Card > 0 && p.request.Card == nil {
		err = order.ErrFunds.Because("points is %d, the order costs %d", d.order.Points, d.order.Total())
	}
	return err
}

// pay has the order paid by points, or pending with a payment by card.
func (s *sale) pay(p *placement, d *draft) (err error) {
	d.events = []event.Event{d.order.PlacedEvent()}
	if d.order.Card > 0 {
		by := payment.New(s.ids(), d.order.ID, d.order.UserID, p.request.Card.Stored(), d.order.Card, s.at, s.policy)
		d.order = d.order.WithPayment(by)
		d.events = append(d.events, by.RequestedEvent())
		return nil
	}
	if d.order, err = d.order.Pay(s.at); err == nil {
		d.events = append(d.events, d.order.PaidEvent())
	}
	return err
}

// take takes the lines from the stocks, and adds an event for each product that is sold
// out now.
func (s *sale) take(p *placement, d *draft) error {
	d.stocks = make([]product.Stock, len(d.order.Lines))
	for i, l := range d.order.Lines {
		known, locked := s.left.Stocks[l.ProductID]
		if !locked {
			return s.block(p, stockRow(l.ProductID), missing(l.ProductID))
		}
		var err error
		if d.stocks[i], err = known.Take(l.Quantity); err != nil {
			return err
		}
		if d.stocks[i].Quantity() == 0 {
			d.events = append(d.events, event.NewStockDepleted(l.ProductID).By(d.order.ID))
		}
	}
	return nil
}

// accept makes a draft an order: it changes what is left and what has to be written.
func (s *sale) accept(p *placement, d draft) {
	o := d.order
	s.orders = append(s.orders, o)
	if o.Payment != nil {
		s.payments = append(s.payments, *o.Payment)
	}
	if d.coupon != nil {
		s.useCoupon(*d.coupon)
	}
	if o.Points > 0 {
		s.left.Wallets[o.UserID], s.wallets[o.UserID] = d.wallet, true
		s.entries = append(s.entries, entry(s.ids(), d.wallet, point.Use, -o.Points, o, s.at))
	}
	for i, l := range o.Lines {
		s.left.Stocks[l.ProductID], s.stocks[l.ProductID] = d.stocks[i], true
		s.movements = append(s.movements, product.Movement{
			ProductID: l.ProductID, Delta: -l.Quantity, Quantity: d.stocks[i].Quantity(), Reason: product.Ordered, OrderID: &o.ID, At: s.at,
		})
	}
	for _, e := range d.events {
		s.events = append(s.events, store.TracedEvent{Event: e, Traceparent: tracing.Parent(p.ctx)})
	}
	if d.answer != nil {
		s.answers[p.guard.Request().Key] = *d.answer
	}
	p.placed = o
}

// useCoupon marks a coupon as used, by whichever id an order names it.
func (s *sale) useCoupon(used coupon.IssuedCoupon) {
	s.coupons = append(s.coupons, used)
	for named, c := range s.left.Coupons {
		if c.ID == used.ID {
			s.left.Coupons[named] = store.GroupCoupon{IssuedCoupon: used, Locked: true}
		}
	}
}

// write queues the rows of all orders.
func (s *sale) write(tx store.Tx) {
	tx.Orders.Add(s.orders...)
	tx.Payments.Add(s.payments...)
	tx.Owned.SaveAll(s.coupons)
	var wallets []point.Wallet
	for user := range s.wallets {
		wallets = append(wallets, s.left.Wallets[user])
	}
	tx.Points.SaveAll(wallets, s.entries)
	tx.Outbox.AppendAll(s.at, s.events)
	answers := make([]store.KeptAnswer, 0, len(s.answers))
	for key, a := range s.answers {
		answers = append(answers, store.KeptAnswer{Key: key, Answer: a})
	}
	tx.Keys.KeepAll(answers)
	var stocks []product.Stock
	for pid := range s.stocks {
		stocks = append(stocks, s.left.Stocks[pid])
	}
	tx.Stocks.SaveAll(stocks, s.movements)
}

func missing(productID int64) error {
	return product.ErrNotFound.Because("there is no product %d", productID)
}
