package order

import (
	"fmt"
	"maps"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// Limits of a basket.
const (
	MaxLines    = 1_000
	MaxQuantity = 100_000
)

// Want is one line of a basket.
type Want struct {
	ProductID int64
	Quantity  int64
}

// Basket is what a user wants to buy: each product once, ordered by product id.
type Basket struct{ wants []Want }

// NewBasket adds up the lines of the same product, so that the stock is checked against
// their sum, and sorts them by id, so that two baskets never lock the same rows in
// opposite orders. It ends in fault.ErrValidation with every complaint.
func NewBasket(lines []Want) (Basket, error) {
	var c fault.Check
	c.That(len(lines) >= 1 && len(lines) <= MaxLines, "/items", "must have 1 to %d lines", MaxLines)
	sums := map[int64]int64{}
	for i, l := range lines[:min(len(lines), MaxLines)] {
		c.That(l.ProductID > 0, fmt.Sprintf("/items/%d/productId", i), "must be the id of a product")
		c.That(l.Quantity >= 1 && l.Quantity <= MaxQuantity, fmt.Sprintf("/items/%d/quantity", i), "must be 1 to %d", MaxQuantity)
		if l.Quantity <= MaxQuantity { // larger ones are refused above, and would overflow the sum
			sums[l.ProductID] += l.Quantity
		}
	}
	b := Basket{}
	for _, pid := range slices.Sorted(maps.Keys(sums)) {
		b.wants = append(b.wants, Want{pid, sums[pid]})
	}
	return b, c.Err()
}

// Wants returns each product once, ordered by product id.
func (b Basket) Wants() []Want { return b.wants }

// ProductIDs returns the id of each product, ascending.
func (b Basket) ProductIDs() []int64 {
	ids := make([]int64, len(b.wants))
	for i, w := range b.wants {
		ids[i] = w.ProductID
	}
	return ids
}
