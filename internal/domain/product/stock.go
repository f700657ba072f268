package product

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Faults of stock.
var (
	ErrInsufficientStock = fault.New(fault.Conflict, "INSUFFICIENT_STOCK", "not enough of a product is left")
	ErrStockTooLarge     = fault.New(fault.Conflict, "STOCK_TOO_LARGE", "more stock than this shop can count")
)

// MaxStock is the most pieces of one product that the shop can hold.
const MaxStock = 1_000_000_000

// Stock is how many pieces of a product are left.
type Stock struct {
	productID int64
	quantity  int64
}

// StockOf returns the stock of a product; quantity is never negative.
func StockOf(productID, quantity int64) Stock { return Stock{productID, max(quantity, 0)} }

// ProductID is the product that the stock is of.
func (s Stock) ProductID() int64 { return s.productID }

// Quantity is how many pieces are left.
func (s Stock) Quantity() int64 { return s.quantity }

// Take returns the stock with n pieces less, n > 0, or ErrInsufficientStock.
func (s Stock) Take(n int64) (Stock, error) {
	if n > s.quantity {
		return s, ErrInsufficientStock.Because("product %d has %d left, %d wanted", s.productID, s.quantity, n)
	}
	return Stock{s.productID, s.quantity - n}, nil
}

// Put returns the stock with n pieces more, n > 0, or ErrStockTooLarge.
func (s Stock) Put(n int64) (Stock, error) {
	if n > MaxStock-s.quantity {
		return s, ErrStockTooLarge
	}
	return Stock{s.productID, s.quantity + n}, nil
}

// Return returns the stock with n pieces more, n > 0, that an order gives back.
// Unlike Put it takes any number: that a shelf was filled up meanwhile must not
// keep a customer from cancelling.
func (s Stock) Return(n int64) Stock { return Stock{s.productID, s.quantity + n} }

// Reason is why stock moved.
type Reason string

// The reasons of a movement.
const (
	Initial   Reason = "INITIAL"
	Adjusted  Reason = "ADJUSTED"
	Ordered   Reason = "ORDERED"
	Cancelled Reason = "CANCELLED"
)

// Movement is one line of the stock journal, which is only appended to: the sum
// of a product's deltas is its stock.
type Movement struct {
	ProductID int64
	Delta     int64
	Quantity  int64 // left afterwards
	Reason    Reason
	Note      string // why, in the words of whoever adjusted it by hand
	OrderID   *id.ID
	At        time.Time
}

// Adjustment is a change of stock by hand.
type Adjustment struct {
	Delta int64
	Note  string
}

// Check returns every complaint about the adjustment at once.
func (a Adjustment) Check() error {
	var c fault.Check
	c.That(a.Delta != 0 && a.Delta >= -MaxStock && a.Delta <= MaxStock, "/delta",
		"must be -%d to %d and not 0", MaxStock, MaxStock)
	c.That(strings.TrimSpace(a.Note) != "" && utf8.RuneCountInString(a.Note) <= MaxName,
		"/reason", "must say why, in at most %d characters", MaxName)
	return c.Err()
}

// Apply returns the stock after the adjustment.
func (a Adjustment) Apply(s Stock) (Stock, error) {
	if a.Delta < 0 {
		return s.Take(-a.Delta)
	}
	return s.Put(a.Delta)
}

// StockTable keeps stock and its journal.
type StockTable interface {
	// Lock returns the stocks of those of the products that exist, in id order,
	// locked until the transaction ends. Locks are taken in id order, so that
	// two baskets can never wait for one another.
	Lock(ctx context.Context, productIDs []int64) ([]Stock, error)
	// Save queues the stock and the movement that led to it.
	Save(s Stock, m Movement)
}
