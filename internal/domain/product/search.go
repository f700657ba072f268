package product

import "context"

// Named is what the search knows of a product.
type Named struct {
	ID   int64
	Name string
}

// Named returns what the search knows of the product.
func (p Product) Named() Named { return Named{p.ID, p.Name} }

// NameTable is the index in which products are found by parts of their names. Table.Add and
// Table.Save write to it as well.
type NameTable interface {
	// Missing returns up to limit products whose names are not in the index, in the order
	// of their ids, from those above after. It locks them.
	Missing(ctx context.Context, after int64, limit int) ([]Named, error)
	// Add queues names. Products that have one already are passed over.
	Add(all ...Named)
}

// Searches reports whether the products of a page are next to each other in no index: it may
// take several statements to find them, which must see the same products.
func (q Query) Searches() bool {
	byPrice := q.Sort == PriceAsc || q.Sort == PriceDesc
	return q.Text != "" || !byPrice && (q.MinPrice != nil || q.MaxPrice != nil)
}
