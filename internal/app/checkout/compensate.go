package checkout

import (
	"context"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Compensator gives back what the sale of a dead order took: stock, points and
// coupon.
type Compensator struct{ ids id.Source }

// NewCompensator returns a Compensator.
func NewCompensator(ids id.Source) Compensator { return Compensator{ids} }

// Compensate writes the last step of a dead order, and gives back what it took. The
// transaction holds the lock of the order and has just changed its state, so that no
// other one compensates it again. at is the time of the transaction.
func (c Compensator) Compensate(ctx context.Context, tx store.Tx, o order.Order, at time.Time) error {
	if err := c.returnPoints(ctx, tx, o, at); err != nil {
		return err
	}
	if o.Coupon != nil {
		owned, err := tx.Owned.Lock(ctx, o.UserID, o.Coupon.ID)
		if err != nil {
			return err
		}
		tx.Owned.Save(owned.Release())
	}
	if err := c.returnStock(ctx, tx, o, at); err != nil {
		return err
	}
	tx.Orders.Save(o)
	tx.Outbox.Append(at, o.EndEvent())
	return nil
}

func (c Compensator) returnPoints(ctx context.Context, tx store.Tx, o order.Order, at time.Time) error {
	if o.Points == 0 {
		return nil
	}
	wallet, err := tx.Points.Lock(ctx, o.UserID)
	if err != nil {
		return err
	}
	if wallet, err = wallet.Receive(o.Points); err != nil {
		return err
	}
	tx.Points.Save(wallet, entry(c.ids(), wallet, point.Refund, o.Points, o, at))
	return nil
}

func (Compensator) returnStock(ctx context.Context, tx store.Tx, o order.Order, at time.Time) error {
	ids := make([]int64, len(o.Lines))
	for i, l := range o.Lines {
		ids[i] = l.ProductID
	}
	locked, err := tx.Stocks.Lock(ctx, ids)
	if err != nil {
		return err
	}
	stocks := make(map[int64]product.Stock, len(locked))
	for _, stock := range locked {
		stocks[stock.ProductID()] = stock
	}
	for _, l := range o.Lines {
		stock, ok := stocks[l.ProductID]
		if !ok {
			return fmt.Errorf("order %s: product %d has no stock row to return %d to", o.ID, l.ProductID, l.Quantity)
		}
		stock = stock.Return(l.Quantity)
		tx.Stocks.Save(stock, product.Movement{
			ProductID: l.ProductID, Delta: l.Quantity, Quantity: stock.Quantity(),
			Reason: product.Cancelled, Note: note(o), OrderID: &o.ID, At: at,
		})
	}
	return nil
}

// note returns the state of an order that ended without a cancellation.
func note(o order.Order) string {
	if o.Status() == order.Cancelled {
		return ""
	}
	return string(o.Status())
}

// entry returns the line of a ledger about a wallet that an order has changed.
func entry(entryID id.ID, w point.Wallet, why point.Type, amount money.Won, o order.Order, at time.Time) point.Entry {
	return point.Entry{
		ID: entryID, UserID: w.UserID(), Type: why, Amount: amount, Balance: w.Balance(), OrderID: &o.ID, At: at,
	}
}
