package checkout

import (
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// draft is an order that is not placed yet, with what it would leave.
type draft struct {
	order  order.Order
	wallet point.Wallet
	coupon *coupon.IssuedCoupon
	stocks []product.Stock
	events []event.Event
	answer *store.Answer
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
	err = s.pay(p, &d)
	if err == nil {
		err = s.take(p, &d)
	}
	return d, err
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

func missing(productID int64) error {
	return product.ErrNotFound.Because("there is no product %d", productID)
}
