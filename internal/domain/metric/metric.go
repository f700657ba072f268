// Package metric holds what was counted of each product on each business day:
// the truth that every ranking is made from.
package metric

import (
	"context"
	"math"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
)

// Counters is what was counted of one product on one day, all integers. Likes
// are net and may be negative: an unlike counts on the day it happened.
type Counters struct {
	ProductID int64
	Day       clock.Day
	Views     int64
	Likes     int64 // likes less unlikes
	Orders    int64 // paid orders that name the product, less cancelled ones
	Quantity  int64
	Amount    money.Won
	AmountLog int64 // sum of LogAmount over the order lines
	// Version grows with every change of the row; a reader who has seen a
	// higher one has seen newer counters.
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

// Minus returns what takes the counters back.
func (c Counters) Minus() Counters {
	return Counters{
		ProductID: c.ProductID, Day: c.Day, Views: -c.Views, Likes: -c.Likes, Orders: -c.Orders,
		Quantity: -c.Quantity, Amount: -c.Amount, AmountLog: -c.AmountLog,
	}
}

// Sale counts one paid order line on a day.
func Sale(productID int64, day clock.Day, quantity int64, price money.Won) Counters {
	amount := quantity * int64(price)
	return Counters{
		ProductID: productID, Day: day, Orders: 1, Quantity: quantity,
		Amount: money.Won(amount), AmountLog: LogAmount(amount),
	}
}

// LogAmount is round(1000 x ln(1 + amount)) for an amount >= 0 in won. Logs are
// summed, line by line: the log of a sum is not the sum of logs, and a batch
// that took one where the stream took the other could never agree with it.
func LogAmount(amount int64) int64 {
	return int64(math.Round(1000 * math.Log1p(float64(amount))))
}

// Table keeps counters.
type Table interface {
	// Add queues deltas, which are added to the counters in one statement. A
	// counter begins at zero. Each product and day occurs at most once in deltas.
	Add(deltas []Counters)
	// Of returns the counters of products on the days from first to last, as
	// they were at one moment.
	Of(ctx context.Context, productIDs []int64, first, last clock.Day) ([]Counters, error)
	// All calls yield with every counter of the days from first to last, in
	// order of product and day, as they were at one moment, until it returns
	// an error.
	All(ctx context.Context, first, last clock.Day, yield func(Counters) error) error
}
