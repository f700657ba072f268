// Package metric holds the counters of each product and business day. Every
// ranking is computed from them.
package metric

import (
	"context"
	"math"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
)

// Counters are the counters of one product on one business day. Likes are net: an
// unlike counts as -1 on the day on which it happened, so they may be negative.
type Counters struct {
	ProductID int64
	Day       clock.Day
	Views     int64
	Likes     int64 // likes less unlikes
	Orders    int64 // paid orders with the product, less cancelled ones
	Quantity  int64 // pieces in these orders
	Amount    money.Won
	AmountLog int64 // sum of LogAmount over the lines of these orders
	// Version grows by one with every change of the row. Of two readings of the
	// same row, the one with the higher version is newer.
	Version int64
}

// Plus returns the sum of two counters of the same product and day.
func (c Counters) Plus(d Counters) Counters {
	c.Views += d.Views
	c.Likes += d.Likes
	c.Orders += d.Orders
	c.Quantity += d.Quantity
	c.Amount += d.Amount
	c.AmountLog += d.AmountLog
	return c
}

// Minus returns the counters that cancel c out.
func (c Counters) Minus() Counters {
	return Counters{
		ProductID: c.ProductID, Day: c.Day, Views: -c.Views, Likes: -c.Likes, Orders: -c.Orders,
		Quantity: -c.Quantity, Amount: -c.Amount, AmountLog: -c.AmountLog,
	}
}

// Sale returns the counters of one paid order line; price is that of one piece.
func Sale(productID int64, day clock.Day, quantity int64, price money.Won) Counters {
	amount := quantity * int64(price)
	return Counters{
		ProductID: productID, Day: day, Orders: 1, Quantity: quantity,
		Amount: money.Won(amount), AmountLog: LogAmount(amount),
	}
}

// LogAmount returns round(1000 x ln(1 + amount)) for an amount >= 0 in won. It is
// taken of each order line and then summed. The logarithm of a sum would be
// another number, on which batch and stream would disagree.
func LogAmount(amount int64) int64 {
	return int64(math.Round(1000 * math.Log1p(float64(amount))))
}

// Table stores counters.
type Table interface {
	// Add queues deltas, which are added to the counters in one statement. A
	// counter begins at zero. Each product and day occurs at most once in deltas.
	Add(deltas []Counters)
	// Of returns the counters of products on the days from first to last, both
	// included, by product and day. All are read in one statement.
	Of(ctx context.Context, productIDs []int64, first, last clock.Day) ([]Counters, error)
	// All calls yield with the counters of every product on the days from first to
	// last, both included, by product and day. All are read in one statement. An
	// error of yield ends it and is returned.
	All(ctx context.Context, first, last clock.Day, yield func(Counters) error) error
	// Changes returns how often the counters of each day from first to last have been
	// changed. Days without counters are missing.
	Changes(ctx context.Context, first, last clock.Day) (Changes, error)
}

// Changes says how often the counters of each day have been changed. The number only
// grows. While it is the same, so are the counters.
type Changes map[clock.Day]int64

// Sum returns how often the counters of the days from first to last have been changed.
func (c Changes) Sum(first, last clock.Day) (sum int64) {
	for day, n := range c {
		if first <= day && day <= last {
			sum += n
		}
	}
	return sum
}
