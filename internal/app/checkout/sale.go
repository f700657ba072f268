package checkout

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// sale is one attempt to sell a basket, in a transaction.
type sale struct {
	ids     id.Source
	policy  payment.Policy
	tx      store.Tx
	request Request
	basket  order.Basket
	at      time.Time // the time of the transaction
}

// sell takes the stocks last. The writes that are queued by then are sent with their
// lock, so that little is left to do while others wait for the same product.
func (s sale) sell(ctx context.Context) (o order.Order, err error) {
	lines, err := s.price(ctx)
	if err != nil {
		return o, err
	}
	if o, err = order.New(s.ids(), s.request.UserID, lines, s.at); err != nil {
		return o, err
	}
	wallet, err := s.tx.Points.Lock(ctx, s.request.UserID)
	if err != nil {
		return o, err
	}
	coupon, err := s.coupon(ctx)
	if err != nil {
		return o, err
	}
	if o, err = s.fund(o, coupon); err != nil {
		return o, err
	}
	if wallet, err = wallet.Spend(o.Points); err != nil {
		return o, err
	}
	if o, err = s.write(o, wallet); err != nil {
		return o, err
	}
	return o, s.takeStock(ctx, o)
}

// coupon returns the coupon of the request, or nil.
func (s sale) coupon(ctx context.Context) (*coupon.IssuedCoupon, error) {
	if s.request.CouponID == nil {
		return nil, nil //nolint:nilnil // no coupon is no error
	}
	owned, err := s.tx.Owned.Lock(ctx, s.request.UserID, *s.request.CouponID)
	return &owned, err
}

// fund decides how the order is paid, and uses the coupon.
func (s sale) fund(o order.Order, named *coupon.IssuedCoupon) (order.Order, error) {
	var discount money.Won
	if named != nil {
		owned, err := named.Use(o.ID, s.at)
		if err != nil {
			return o, err
		}
		if discount, err = owned.Coupon.Discount(o.Amount); err != nil {
			return o, err
		}
		s.tx.Owned.Save(owned)
		o = o.WithCoupon(order.Coupon{ID: owned.ID, CouponID: owned.Coupon.ID, Name: owned.Coupon.Name})
	}
	o, err := o.FundedBy(discount, s.points(o.Amount-discount))
	if err == nil && o.Card > 0 && s.request.Card == nil {
		err = order.ErrFunds.Because("points is %d, the order costs %d", o.Points, o.Total())
	}
	return o, err
}

// points returns how much of a total the points pay: the points of the request. If it
// names none, they pay all of it, or nothing if a card pays.
func (s sale) points(total money.Won) money.Won {
	switch {
	case s.request.Points != nil:
		return *s.request.Points
	case s.request.Card != nil:
		return 0
	default:
		return total
	}
}

// lock locks the stock of each product of the basket, and returns them in its order.
func (s sale) lock(ctx context.Context) ([]product.Stock, error) {
	ids := s.basket.ProductIDs()
	stocks, err := s.tx.Stocks.Lock(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i, pid := range ids {
		if i >= len(stocks) || stocks[i].ProductID() != pid {
			return nil, missing(pid)
		}
	}
	return stocks, nil
}

// price returns the lines of the order at the current prices.
func (s sale) price(ctx context.Context) ([]order.Line, error) {
	found, err := s.tx.Products.Many(ctx, s.basket.ProductIDs())
	if err != nil {
		return nil, err
	}
	listings := make(map[int64]product.Listing, len(found))
	for _, l := range found {
		listings[l.ID] = l
	}
	var lines []order.Line
	for _, w := range s.basket.Wants() {
		l, ok := listings[w.ProductID]
		if !ok || l.Status == product.Hidden {
			return nil, missing(w.ProductID)
		}
		if _, err := product.StockOf(l.ID, l.Stock).Take(w.Quantity); err != nil {
			return nil, err // sold out: do not wait for the lock to find out
		}
		lines = append(lines, order.Line{ProductID: l.ID, Name: l.Name, Price: l.Price, Quantity: w.Quantity})
	}
	return lines, nil
}

// take returns the stocks less the basket, or an error about the first product whose
// stock is too small.
func (s sale) take(stocks []product.Stock) ([]product.Stock, error) {
	left := make([]product.Stock, len(stocks))
	for i, w := range s.basket.Wants() {
		var err error
		if left[i], err = stocks[i].Take(w.Quantity); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// write queues the order, its payment, the ledger entry and the events.
func (s sale) write(o order.Order, w point.Wallet) (order.Order, error) {
	events := []event.Event{o.PlacedEvent()}
	if o.Card > 0 {
		p := payment.New(s.ids(), o.ID, o.UserID, s.request.Card.Stored(), o.Card, s.at, s.policy)
		o = o.WithPayment(p)
		events = append(events, p.RequestedEvent())
	} else {
		var err error
		if o, err = o.Pay(s.at); err != nil {
			return o, err
		}
		events = append(events, o.PaidEvent())
	}
	s.tx.Orders.Add(o)
	if o.Payment != nil {
		s.tx.Payments.Add(*o.Payment)
	}
	if o.Points > 0 {
		s.tx.Points.Save(w, entry(s.ids(), w, point.Use, -o.Points, o, s.at))
	}
	s.tx.Outbox.Append(s.at, events...)
	return o, nil
}

// takeStock locks the stocks, takes the lines from them, and adds an event for each
// product that is sold out now.
func (s sale) takeStock(ctx context.Context, o order.Order) error {
	stocks, err := s.lock(ctx)
	if err != nil {
		return err
	}
	left, err := s.take(stocks)
	if err != nil {
		return err
	}
	for i, line := range o.Lines {
		s.tx.Stocks.Save(left[i], product.Movement{
			ProductID: line.ProductID, Delta: -line.Quantity, Quantity: left[i].Quantity(),
			Reason: product.Ordered, OrderID: &o.ID, At: s.at,
		})
		if left[i].Quantity() == 0 {
			s.tx.Outbox.Append(s.at, event.NewStockDepleted(line.ProductID).By(o.ID))
		}
	}
	return nil
}

func missing(productID int64) error {
	return product.ErrNotFound.Because("there is no product %d", productID)
}
