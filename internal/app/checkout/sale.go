package checkout

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
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
