package load

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
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
	switch {
	case p.ID < 1 || p.Name == "" || p.Price < 1 || p.Brand.ID < 1 || p.Brand.Name == "":
		return fmt.Errorf("a product is not complete: %d %q %d won of brand %d", p.ID, p.Name, p.Price, p.Brand.ID)
	case p.Stock == nil || *p.Stock < 0 || p.LikeCount == nil || *p.LikeCount < 0:
		return fmt.Errorf("a product has no stock or no number of likes")
	case (p.Status == "SOLD_OUT") != (*p.Stock == 0) || p.Status != "SOLD_OUT" && p.Status != "ON_SALE":
		return fmt.Errorf("a product with %d in stock is %s", *p.Stock, p.Status)
	case !c.known(p.ID):
		return nil
	case c.hidden(p.ID):
		return fmt.Errorf("a hidden product is shown")
	case p.Name != c.name(p.ID) || p.Price != c.price(p.ID) || p.Brand.ID != c.brand(p.ID):
		return fmt.Errorf("a product is mixed up: %d %q %d won of brand %d", p.ID, p.Name, p.Price, p.Brand.ID)
	default:
		return nil
	}
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

// board is a page of a ranking, or a state of its stream.
type board struct {
	Date  string
	Items []struct {
		Rank    int64
		Product struct {
			ID    int64
			Name  string
			Price int64
			Brand ref
		}
		Score json.Number
	}
}

// page checks the page of a ranking that begins behind some ranks.
func (c catalog) page(date string, before, size int64) func(board) error {
	return func(b board) error {
		if len(b.Items) == 0 {
			return fmt.Errorf("the ranking has no items")
		}
		if b.Date != date || int64(len(b.Items)) != size {
			return fmt.Errorf("the ranking is of %s and has %d items, not of %s with %d", b.Date, len(b.Items), date, size)
		}
		var last *big.Rat
		for i, item := range b.Items {
			if item.Rank != before+int64(i)+1 {
				return fmt.Errorf("rank %d follows on %d others", item.Rank, before+int64(i))
			}
			if p := item.Product; p.Name == "" || p.Price < 1 || p.Brand.Name == "" || c.known(p.ID) && p.Price != c.price(p.ID) {
				return fmt.Errorf("the product of a rank is not right: %d %q %d won", p.ID, p.Name, p.Price)
			}
			score, ok := new(big.Rat).SetString(item.Score.String())
			if !ok || score.Sign() <= 0 {
				return fmt.Errorf("the score is %q", item.Score)
			}
			tied := i > 0 && last.Cmp(score) == 0 && b.Items[i-1].Product.ID <= item.Product.ID
			if i > 0 && last.Cmp(score) < 0 || tied {
				return fmt.Errorf("scores do not descend")
			}
			last = score
		}
		return nil
	}
}
