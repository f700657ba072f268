package sqlstore

import (
	"context"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// List implements product.Table. The statement consists of fixed parts; all values
// are parameters.
func (t products) List(ctx context.Context, q product.Query, limit int) ([]product.Listing, error) {
	listing, err := listStmt(q, limit)
	if err != nil {
		return nil, err
	}
	return all(ctx, t.each, listing, scanListing)
}

// listOrder is a sort in SQL. Each is total, and there is an index in this order,
// with and without the brand. Every list is read by such an index: no page is
// sorted, whatever the filters. (A table of a few pages is read as a whole by
// PostgreSQL, which is faster.)
type listOrder struct {
	key       string // the column before the id; empty if there is none
	direction string
	beyond    string // the operator between a later row and a position
}

const priceKey = "p.price"

func orderOf(s product.Sort) (listOrder, error) {
	switch s {
	case product.Latest:
		return listOrder{"", "DESC", "<"}, nil
	case product.PriceAsc:
		return listOrder{priceKey, "ASC", ">"}, nil
	case product.PriceDesc:
		return listOrder{priceKey, "DESC", "<"}, nil
	case product.LikesDesc:
		return listOrder{"p.like_count", "DESC", "<"}, nil
	default:
		return listOrder{}, product.ErrSort
	}
}

// by returns the ORDER BY list.
func (o listOrder) by() string {
	if o.key == "" {
		return "p.id " + o.direction
	}
	return o.key + " " + o.direction + ", p.id " + o.direction
}

// after adds the condition that continues a list after a position.
func (o listOrder) after(w *where, p product.Position) {
	if o.key == "" {
		w.and("p.id "+o.beyond+" %s", p.ID)
		return
	}
	w.and("("+o.key+", p.id) "+o.beyond+" (%s, %s)", p.Key, p.ID)
}

func listStmt(q product.Query, limit int) (Stmt, error) {
	o, err := orderOf(q.Sort)
	if err != nil {
		return Stmt{}, err
	}
	// The literal is what the partial indexes are made for.
	w := where{text: "WHERE p.status <> 'HIDDEN'"}
	if q.BrandID != 0 {
		w.and("p.brand_id = %s", q.BrandID)
	}
	if o.key == priceKey {
		addPrices(&w, q)
	}
	if q.After != nil {
		o.after(&w, *q.After)
	}
	w.hideFromPlanner(func(w *where) {
		if o.key != priceKey {
			addPrices(w, q)
		}
		addName(w, q.Text)
	})
	// The limit is not a parameter: for an unknown limit, PostgreSQL expects a tenth
	// of all products. Such a plan seems so expensive that it plans each execution.
	return stmt(selectItem+w.text+" ORDER BY "+o.by()+" LIMIT "+strconv.Itoa(limit), w.args...), nil
}

// addPrices adds the conditions of a price range.
func addPrices(w *where, q product.Query) {
	if q.MinPrice != nil {
		w.and(priceKey+" >= %s", int64(*q.MinPrice))
	}
	if q.MaxPrice != nil {
		w.and(priceKey+" <= %s", int64(*q.MaxPrice))
	}
}

// addName adds the condition that a name contains a text.
func addName(w *where, text string) {
	if text != "" {
		// On SQLite, lower() changes ASCII letters only. It is applied to both sides,
		// so that a text always matches itself.
		w.and(`lower(p.name) LIKE lower(%s) ESCAPE '\'`, "%"+escapeLike(text)+"%")
	}
}
