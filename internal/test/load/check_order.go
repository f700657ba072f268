package load

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// placed is the answer to an order.
type placed struct {
	ID, Status string
	Items      []struct {
		ProductID       int64
		Name            string
		Price, Quantity int64
	}
	Amount, Discount, Points, CardAmount int64
	Payment                              *struct {
		Status, CardLast4 string
		Amount            int64
	}
	History []struct{ Status string }
}

// placed checks the answer to an order.
func (c catalog) placed(want apiclient.NewOrder) func(placed) error {
	return func(o placed) error {
		if o.ID == "" || len(o.Items) != len(want.Items) {
			return fmt.Errorf("the order has %d lines, %d were ordered", len(o.Items), len(want.Items))
		}
		var sum int64
		var got []apiclient.Item
		for _, line := range o.Items {
			got = append(got, apiclient.Item{ProductID: line.ProductID, Quantity: line.Quantity})
			if line.Name == "" {
				return fmt.Errorf("a line of the order has no name")
			}
			if c.known(line.ProductID) && line.Price != c.price(line.ProductID) {
				return fmt.Errorf("a line costs %d won, the product %d", line.Price, c.price(line.ProductID))
			}
			sum += line.Price * line.Quantity
		}
		byProduct := func(a, b apiclient.Item) int { return cmp.Compare(a.ProductID, b.ProductID) }
		if !slices.Equal(slices.SortedFunc(slices.Values(got), byProduct), slices.SortedFunc(slices.Values(want.Items), byProduct)) {
			return fmt.Errorf("the lines of the order are not what was ordered")
		}
		if o.Amount != sum || !o.addsUp() {
			return fmt.Errorf("the order does not add up: lines %d, amount %d, discount %d, points %d, card %d", sum, o.Amount, o.Discount, o.Points, o.CardAmount)
		}
		return o.paid(want.Card)
	}
}

func (o placed) addsUp() bool {
	return o.Amount-o.Discount == o.Points+o.CardAmount && min(o.Discount, o.Points, o.CardAmount) >= 0
}

// paid returns what is wrong with how an order is paid.
func (o placed) paid(by *apiclient.Card) error {
	if len(o.History) == 0 || o.History[len(o.History)-1].Status != o.Status {
		return fmt.Errorf("the history does not end in the status")
	}
	if by == nil {
		if o.Status != "PAID" || o.Payment != nil || o.CardAmount != 0 {
			return fmt.Errorf("an order by points is %s, with %d won by card", o.Status, o.CardAmount)
		}
		return nil
	}
	last4 := by.Number[len(by.Number)-4:]
	if o.Status != "PENDING" || o.Payment == nil || o.Payment.CardLast4 != last4 || o.Payment.Amount != o.CardAmount || o.CardAmount == 0 {
		return fmt.Errorf("an order by card is %s, with %d won by card", o.Status, o.CardAmount)
	}
	return nil
}
