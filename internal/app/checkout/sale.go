package checkout

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// sale is one attempt to sell a basket within a transaction.
type sale struct {
	*Service

	tx      store.Tx
	request Request
	basket  order.Basket
	at      time.Time
}

// sell takes the stocks last. What it has queued by then goes out with their
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
	if o, err = s.write(ctx, o, wallet); err != nil {
		return o, err
	}
	return o, s.takeStock(ctx, o)
}

// coupon returns the coupon that the user named, or nil.
func (s sale) coupon(ctx context.Context) (*coupon.Owned, error) {
	if s.request.CouponID == nil {
		return nil, nil //nolint:nilnil // no coupon is no error
	}
	owned, err := s.tx.Owned.Lock(ctx, s.request.UserID, *s.request.CouponID)
	return &owned, err
}

// fund says what the order is paid with, and uses the coupon for it.
func (s sale) fund(o order.Order, named *coupon.Owned) (order.Order, error) {
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
		o.Coupon = &order.Coupon{ID: owned.ID, CouponID: owned.Coupon.ID, Name: owned.Coupon.Name}
	}
	o, err := o.Settled(discount, s.points(o.Amount-discount))
	if err == nil && o.Card > 0 && s.request.Card == nil {
		err = order.ErrFunds.Because("points is %d, the order costs %d", o.Points, o.Total())
	}
	return o, err
}

// points is how many points the user means to pay of a total: what was said;
// else all of it, or nothing where a card pays.
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

// lock returns the stock of each product of the basket, in its order.
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

// price returns the lines of the order, as the products are sold now.
func (s sale) price(ctx context.Context) ([]order.Line, error) {
	found, err := s.tx.Products.Many(ctx, s.basket.ProductIDs())
	if err != nil {
		return nil, err
	}
	shelf := make(map[int64]product.Listing, len(found))
	for _, l := range found {
		shelf[l.ID] = l
	}
	var lines []order.Line
	for _, w := range s.basket.Wants() {
		l, ok := shelf[w.ProductID]
		if !ok || l.Status == product.Hidden {
			return nil, missing(w.ProductID)
		}
		if _, err := product.StockOf(l.ID, l.Stock).Take(w.Quantity); err != nil {
			return nil, err // of what is sold out, nobody need wait for the lock
		}
		lines = append(lines, order.Line{ProductID: l.ID, Name: l.Name, Price: l.Price, Quantity: w.Quantity})
	}
	return lines, nil
}

// take returns what is left of each product, or names the first of which there
// is not enough.
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

// write writes the order and what it is paid with, and promises to tell of it.
func (s sale) write(ctx context.Context, o order.Order, w point.Wallet) (order.Order, error) {
	events := []event.Event{o.PlacedEvent()}
	if o.Card > 0 {
		p := payment.New(s.ids(), o.ID, o.UserID, *s.request.Card, o.Card, s.at, s.policy)
		o.Payment = &p
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
	s.move(s.tx, w, point.Use, -o.Points, o)
	s.tx.Outbox.Append(events...)
	return o, nil
}

// takeStock takes what was sold from the shelf, and promises to tell of what is
// sold out.
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
			s.tx.Outbox.Append(event.NewStockDepleted(line.ProductID))
		}
	}
	return nil
}

func missing(productID int64) error {
	return product.ErrNotFound.Because("there is no product %d", productID)
}
