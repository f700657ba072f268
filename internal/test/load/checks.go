package load

import (
	"cmp"
	"fmt"
	"strings"
)

// ref is a brand in a product.
type ref struct {
	ID   int64
	Name string
}

// shown is a product as details and lists show it.
type shown struct {
	ID               int64
	Name             string
	Price            int64
	Brand            ref
	Stock, LikeCount *int64
	Rank             *int64
	Status           string
}

// right returns what is wrong with a product.
func (c catalog) right(p shown) error {
	if p.ID < 1 || p.Name == "" || p.Price < 1 || p.Brand.ID < 1 || p.Brand.Name == "" {
		return fmt.Errorf("a product is not complete: %d %q %d won of brand %d", p.ID, p.Name, p.Price, p.Brand.ID)
	}
	if !c.known(p.ID) {
		return p.numbers()
	}
	if c.hidden(p.ID) {
		return fmt.Errorf("a hidden product is shown")
	}
	if p.Name != c.name(p.ID) || p.Price != c.price(p.ID) || p.Brand.ID != c.brand(p.ID) {
		return fmt.Errorf("a product is mixed up: %d %q %d won of brand %d", p.ID, p.Name, p.Price, p.Brand.ID)
	}
	return p.numbers()
}

// numbers returns what is wrong with the stock, the status and the likes.
func (p shown) numbers() error {
	if p.Stock == nil || *p.Stock < 0 || p.LikeCount == nil || *p.LikeCount < 0 {
		return fmt.Errorf("a product has no stock or no number of likes")
	}
	status := "ON_SALE"
	if *p.Stock == 0 {
		status = "SOLD_OUT"
	}
	if p.Status != status {
		return fmt.Errorf("a product with %d in stock is %s", *p.Stock, p.Status)
	}
	return nil
}

// detail checks the answer to a request for one product.
func (c catalog) detail(id int64) func(shown) error {
	return func(p shown) error {
		if p.ID != id {
			return fmt.Errorf("the detail is of another product")
		}
		if p.Rank != nil && *p.Rank < 1 {
			return fmt.Errorf("the rank is %d", *p.Rank)
		}
		return c.right(p)
	}
}

// list is a page of products.
type list struct {
	Items []shown
	Page  struct {
		NextCursor *string
		HasMore    bool
	}
}

// asked is what a list was asked for. A zero value says: not asked.
type asked struct {
	sort       string
	brand      int64
	word       string
	from, upTo int64 // won
}

// orders compare the products of a list in each order: negative if a comes before b.
var orders = map[string]func(a, b shown) int{
	"latest":     func(a, b shown) int { return cmp.Compare(b.ID, a.ID) },
	"price_asc":  func(a, b shown) int { return cmp.Or(cmp.Compare(a.Price, b.Price), cmp.Compare(a.ID, b.ID)) },
	"price_desc": func(a, b shown) int { return cmp.Or(cmp.Compare(b.Price, a.Price), cmp.Compare(b.ID, a.ID)) },
	// Likes that are counted while the page is read may put it out of order by what is shown.
	"likes_desc": nil,
}

// list checks the answer to a request for a list that has more than one page.
func (c catalog) list(want asked) func(list) error {
	return func(l list) error {
		if len(l.Items) == 0 {
			return fmt.Errorf("the page has no items")
		}
		if len(l.Items) != pageSize || !l.Page.HasMore || l.Page.NextCursor == nil {
			return fmt.Errorf("the page has %d items, and more %t; want %d and more", len(l.Items), l.Page.HasMore, pageSize)
		}
		seen := map[int64]bool{}
		for i, p := range l.Items {
			if err := cmp.Or(c.right(p), want.matches(p)); err != nil {
				return err
			}
			if before := orders[want.sort]; before != nil && i > 0 && before(l.Items[i-1], p) >= 0 {
				return fmt.Errorf("the order by %s is broken", want.sort)
			}
			if seen[p.ID] {
				return fmt.Errorf("a product is on the page twice")
			}
			seen[p.ID] = true
		}
		return nil
	}
}

func (want asked) matches(p shown) error {
	switch {
	case want.brand != 0 && p.Brand.ID != want.brand:
		return fmt.Errorf("a product is of another brand")
	case !strings.Contains(strings.ToLower(p.Name), strings.ToLower(want.word)):
		return fmt.Errorf("the search for %q found %q", want.word, p.Name)
	case p.Price < want.from || want.upTo != 0 && p.Price > want.upTo:
		return fmt.Errorf("%d won are not between %d and %d", p.Price, want.from, want.upTo)
	default:
		return nil
	}
}
