package product

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/text"
)

// Errors of stock.
var (
	ErrInsufficientStock = fault.New(fault.Conflict, "INSUFFICIENT_STOCK", "not enough of a product is left")
	ErrStockTooLarge     = fault.New(fault.Conflict, "STOCK_TOO_LARGE", "the stock would be higher than the shop allows")
)

// MaxStock is the highest stock of one product, in pieces.
const MaxStock = 1_000_000_000

// Stock is the number of pieces of a product that are left. It is never negative.
type Stock struct {
	productID int64
	quantity  int64
}

// StockOf returns the stock of a product; a negative quantity is taken as 0.
func StockOf(productID, quantity int64) Stock { return Stock{productID, max(quantity, 0)} }

// ProductID returns the id of the product.
func (s Stock) ProductID() int64 { return s.productID }

// Quantity returns the number of pieces that are left.
func (s Stock) Quantity() int64 { return s.quantity }

// Take returns the stock less n pieces, or ErrInsufficientStock. n must be
// positive.
func (s Stock) Take(n int64) (Stock, error) {
	if n > s.quantity {
		return s, ErrInsufficientStock.Because("product %d has %d left, %d wanted", s.productID, s.quantity, n)
	}
	return Stock{s.productID, s.quantity - n}, nil
}

// Put returns the stock plus n pieces, or ErrStockTooLarge. n must be positive.
func (s Stock) Put(n int64) (Stock, error) {
	if n > MaxStock-s.quantity {
		return s, ErrStockTooLarge
	}
	return Stock{s.productID, s.quantity + n}, nil
}

// Return returns the stock plus n pieces of a cancelled order. n must be positive.
// Unlike Put, Return accepts a stock above MaxStock: a customer must be able to
// cancel even if the stock was filled up after the order.
func (s Stock) Return(n int64) Stock { return Stock{s.productID, s.quantity + n} }

// Reason is the reason of a movement.
type Reason string

// The reasons.
const (
	Initial   Reason = "INITIAL"
	Adjusted  Reason = "ADJUSTED"
	Ordered   Reason = "ORDERED"
	Cancelled Reason = "CANCELLED"
)

// Movement is one entry of the stock journal. Entries are never changed. The sum
// of the deltas of a product is its stock.
type Movement struct {
	ProductID int64
	Delta     int64 // pieces; negative if some were taken out
	Quantity  int64 // stock after the movement
	Reason    Reason
	Note      string // the reason that an administrator gave; empty otherwise
	OrderID   *id.ID // nil if the movement belongs to no order
	At        time.Time
}

// Adjustment is a change of stock by an administrator.
type Adjustment struct {
	Delta int64  // pieces; negative to take some out
	Note  string // the reason
}

// Clean returns the adjustment as it is stored, or fault.ErrValidation with every rule that
// it breaks.
func (a Adjustment) Clean() (Adjustment, error) {
	var c fault.Check
	c.That(a.Delta != 0 && a.Delta >= -MaxStock && a.Delta <= MaxStock, "/delta",
		"must be -%d to %d and not 0", MaxStock, MaxStock)
	a.Note = c.Text("/reason", text.Prose(a.Note, 1, MaxName))
	return a, c.Err()
}

// Apply returns the stock after the adjustment, or the error of Take or Put.
func (a Adjustment) Apply(s Stock) (Stock, error) {
	if a.Delta < 0 {
		return s.Take(-a.Delta)
	}
	return s.Put(a.Delta)
}

// StockTable stores stock and its journal.
type StockTable interface {
	// Lock returns the stocks of the products that exist, by product id, and locks
	// them until the transaction ends. Locks are taken in the order of ids, so two
	// orders of the same products cannot deadlock.
	Lock(ctx context.Context, productIDs []int64) ([]Stock, error)
	// Save queues the new stock and the movement that explains it. The commit
	// returns ErrNotFound if there is no such product.
	Save(s Stock, m Movement)
	// SaveAll is Save for stocks that are each given once, with any number of movements.
	SaveAll(stocks []Stock, movements []Movement)
}
