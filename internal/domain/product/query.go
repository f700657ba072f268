package product

import (
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
)

// ErrSort is raised for an order of lists that does not exist.
var ErrSort = fault.New(fault.Invalid, "INVALID_SORT", "sort must be latest, price_asc, price_desc or likes_desc")

// Sort is an order of the product list. Each is total: equal keys are told
// apart by id.
type Sort string

// The sorts.
const (
	Latest    Sort = "latest"     // id descending: ids are given in the order of creation
	PriceAsc  Sort = "price_asc"  // price, then id, ascending
	PriceDesc Sort = "price_desc" // price, then id, descending
	LikesDesc Sort = "likes_desc" // like count, then id, descending
)

// ParseSort reads a sort; empty is Latest.
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

// Query says which products to list and in which order.
type Query struct {
	Sort     Sort
	BrandID  int64      // 0: any brand
	Text     string     // part of the name, in any case; empty: any
	MinPrice *money.Won // nil: no bound
	MaxPrice *money.Won
	After    *Position // nil: from the beginning
}

// Position is a place in a sorted list: the sort key and id of the last product seen.
type Position struct {
	Key int64 `json:"k"` // price or like count; unused by Latest
	ID  int64 `json:"i"`
}

// Page cuts what Table.List gave for a limit of size+1.
func (q Query) Page(found []Listing, size int) page.Page[Listing] {
	return page.Of(found, size, q.kind(), func(l Listing) Position { return q.Sort.position(l) })
}

// From continues the query after the cursor of an earlier page of the same sort.
func (q Query) From(cursor string) (Query, error) {
	after, ok, err := page.Decode[Position](q.kind(), cursor)
	if ok {
		q.After = &after
	}
	return q, err
}

func (q Query) kind() string { return "products." + string(q.Sort) }

func (s Sort) position(l Listing) Position {
	switch s {
	case PriceAsc, PriceDesc:
		return Position{Key: int64(l.Price), ID: l.ID}
	case LikesDesc:
		return Position{Key: l.LikeCount, ID: l.ID}
	default:
		return Position{ID: l.ID}
	}
}

// Range checks a price range.
func Range(minPrice, maxPrice *money.Won) error {
	var c fault.Check
	c.That(minPrice == nil || *minPrice >= 0, "minPrice", "must not be negative")
	c.That(maxPrice == nil || *maxPrice >= 0, "maxPrice", "must not be negative")
	c.That(minPrice == nil || maxPrice == nil || *minPrice <= *maxPrice, "minPrice", "must not be above maxPrice")
	return c.Err()
}
