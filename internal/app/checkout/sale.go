package checkout

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// sale is one attempt to sell a basket within a transaction.
type sale struct {
	*Desk

	tx      store.Tx
	request Request
	basket  order.Basket
	at      time.Time
}

// sell locks, checks everything, and only then takes and writes.
func (s sale) sell(ctx context.Context) (o order.Order, err error) {
	stocks, err := s.lock(ctx)
	if err != nil {
		return o, err
	}
	lines, err := s.price(ctx)
	if err != nil {
		return o, err
	}
	wallet, err := s.tx.Points.Lock(ctx, s.request.UserID)
	if err != nil {
		return o, err
	}
	if stocks, err = s.take(stocks); err != nil {
		return o, err
	}
	if o, err = order.New(s.ids(), s.request.UserID, lines, s.at); err != nil {
		return o, err
	}
	if p := s.request.Points; p != nil && *p != o.Amount {
		return o, ErrPointsDiffer.Because("points is %d, the order costs %d", *p, o.Amount)
	}
	if wallet, err = wallet.Spend(o.Amount); err != nil {
		return o, err
	}
	o.Points = o.Amount
	return s.settle(ctx, o, stocks, wallet)
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

// settle writes what was sold and promises to tell of it.
func (s sale) settle(ctx context.Context, o order.Order, left []product.Stock, w point.Wallet) (order.Order, error) {
	placed := o.PlacedEvent()
	o, err := o.Pay(s.at)
	if err != nil {
		return o, err
	}
	s.tx.Orders.Add(o)
	s.move(s.tx, w, point.Use, -o.Points, o)
	events := []event.Event{placed, o.PaidEvent()}
	for i, line := range o.Lines {
		s.tx.Stocks.Save(left[i], product.Movement{
			ProductID: line.ProductID, Delta: -line.Quantity, Quantity: left[i].Quantity(),
			Reason: product.Ordered, OrderID: &o.ID, At: s.at,
		})
		if left[i].Quantity() == 0 {
			events = append(events, event.NewStockDepleted(line.ProductID))
		}
	}
	s.tx.Outbox.Append(ctx, events...)
	return o, nil
}

func missing(productID int64) error {
	return product.ErrNotFound.Because("there is no product %d", productID)
}
