package product

import (
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
)

// ErrSort is returned for a sort that does not exist.
var ErrSort = fault.New(fault.Invalid, "INVALID_SORT", "sort must be latest, price_asc, price_desc or likes_desc")

// Sort is an order of the product list. Products with the same key are ordered by
// id.
type Sort string

// The sorts.
const (
	Latest    Sort = "latest"     // id, descending: a newer product has a higher id
	PriceAsc  Sort = "price_asc"  // price, then id, ascending
	PriceDesc Sort = "price_desc" // price, then id, descending
	LikesDesc Sort = "likes_desc" // like count, then id, descending
)

// ParseSort returns the sort with a name, or ErrSort. An empty name is Latest.
func ParseSort(s string) (Sort, error) {
	switch sort := Sort(s); sort {
	case "":
		return Latest, nil
	case Latest, PriceAsc, PriceDesc, LikesDesc:
		return sort, nil
	default:
		return "", ErrSort
	}
}

// Query selects products and their order.
type Query struct {
	Sort     Sort
	BrandID  int64      // 0: any brand
	Text     string     // a part of the name, as text.Fold compares; empty: any
	MinPrice *money.Won // of one piece, included; nil: no limit
	MaxPrice *money.Won // of one piece, included; nil: no limit
	After    *Position  // nil: from the beginning
}

// Position is a position in a sorted list: the sort key and the id of the last
// product of a page. It is part of cursors, so its JSON form must not change.
type Position struct {
	Key int64 `json:"k"` // price or like count; unused by Latest
	ID  int64 `json:"i"`
}

// Page returns a page of size products. The products found are those that
// Table.List returned for a limit of size+1.
func (q Query) Page(found []Listing, size int) page.Page[Listing] {
	return page.Of(found, size, q.kind(), func(l Listing) Position { return q.Sort.Position(l) })
}

// From returns the query for the page after a cursor, or page.ErrCursor. An empty
// cursor is the beginning.
func (q Query) From(cursor string) (Query, error) {
	after, ok, err := page.Decode[Position](q.kind(), cursor)
	if ok {
		q.After = &after
	}
	return q, err
}

func (q Query) kind() string { return "products." + string(q.Sort) }

// Position returns the position of a product in a list.
func (s Sort) Position(l Listing) Position {
	switch s {
	case PriceAsc, PriceDesc:
		return Position{Key: int64(l.Price), ID: l.ID}
	case LikesDesc:
		return Position{Key: l.LikeCount, ID: l.ID}
	default:
		return Position{ID: l.ID}
	}
}

// Range returns fault.ErrValidation if a price range is not valid.
func Range(minPrice, maxPrice *money.Won) error {
	var c fault.Check
	c.That(minPrice == nil || *minPrice >= 0, "minPrice", "must not be negative")
	c.That(maxPrice == nil || *maxPrice >= 0, "maxPrice", "must not be negative")
	c.That(minPrice == nil || maxPrice == nil || *minPrice <= *maxPrice, "minPrice", "must not be above maxPrice")
	return c.Err()
}
