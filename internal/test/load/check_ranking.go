package load

import (
	"encoding/json"
	"fmt"
	"math/big"
)

// board is a page of a ranking, or a state of its stream.
type board struct {
	Date  string
	Items []place
}

// place is one rank.
type place struct {
	Rank    int64
	Product struct {
		ID    int64
		Name  string
		Price int64
		Brand ref
	}
	Score json.Number
}

// page checks the page of a ranking that begins behind some ranks.
func (c catalog) page(date string, before int64) func(board) error {
	return func(b board) error {
		if len(b.Items) == 0 {
			return fmt.Errorf("the ranking has no items")
		}
		if b.Date != date || len(b.Items) != pageSize {
			return fmt.Errorf("the ranking is of %s and has %d items, not of %s with %d", b.Date, len(b.Items), date, pageSize)
		}
		var last *place
		for i := range b.Items {
			item := &b.Items[i]
			if item.Rank != before+int64(i)+1 {
				return fmt.Errorf("rank %d follows on %d others", item.Rank, before+int64(i))
			}
			if p := item.Product; p.Name == "" || p.Price < 1 || p.Brand.Name == "" || c.known(p.ID) && p.Price != c.price(p.ID) {
				return fmt.Errorf("the product of a rank is not right: %d %q %d won", p.ID, p.Name, p.Price)
			}
			if err := item.follows(last); err != nil {
				return err
			}
			last = item
		}
		return nil
	}
}

// follows returns what is wrong with the score of a place below another one; nil: there is
// none on the page. Products with one score are ordered by id, the largest first.
func (p *place) follows(above *place) error {
	score, ok := new(big.Rat).SetString(p.Score.String())
	if !ok || score.Sign() <= 0 {
		return fmt.Errorf("the score is %q", p.Score)
	}
	if above == nil {
		return nil
	}
	higher, _ := new(big.Rat).SetString(above.Score.String())
	if n := higher.Cmp(score); n < 0 || n == 0 && above.Product.ID <= p.Product.ID {
		return fmt.Errorf("scores do not descend")
	}
	return nil
}
