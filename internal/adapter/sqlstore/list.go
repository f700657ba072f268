package sqlstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// List implements product.Table. The statement is built of fixed pieces only;
// whatever comes from outside is a parameter.
func (t products) List(ctx context.Context, q product.Query, limit int) ([]product.Listing, error) {
	listing, err := listStmt(q, limit)
	if err != nil {
		return nil, err
	}
	return all(ctx, t.each, listing, scanListing)
}

// listOrder is how a sort reads in SQL. Each is total and the order of an index,
// with a brand and without, which every list is read along: no page is sorted,
// whatever the filters. (But PostgreSQL reads a shop that fits on a few disk
// pages whole, and is right.)
type listOrder struct {
	key       string // the column before the id; empty if there is none
	direction string
	beyond    string // what comes later in the order is ... than a position
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
		w.prices(q)
	}
	if q.After != nil {
		o.after(&w, *q.After)
	}
	w.unseen(func(w *where) {
		if o.key != priceKey {
			w.prices(q)
		}
		w.named(q.Text)
	})
	// The limit is written out: PostgreSQL takes one that it does not know for a
	// tenth of the shop, finds a plan for that dear, and plans each time anew.
	return stmt(selectItem+w.text+" ORDER BY "+o.by()+" LIMIT "+strconv.Itoa(limit), w.args...), nil
}

// where gathers conditions, and numbers their parameters as they come.
type where struct {
	text string
	args []any
}

// unseen adds the conditions that add adds, where planners do not see them: they
// are tried on each row on the way along the index of the sort. A planner that
// sees them takes them for narrow, and fetches all that they leave by another
// index, to sort it: SQLite any range of an indexed column; PostgreSQL a word of
// some letters, and, in the plan that it keeps for all values, any range of prices
// (it takes it for one product of 200) within any brand (an average one). Of the
// biggest brand in 200,000 products, a third of its prices took 49 ms, and takes
// 0.1. The price is that a filter that hardly anything passes walks through the
// whole shop, or brand: 53 ms there, as long as a name that nobody has must take.
func (w *where) unseen(add func(*where)) {
	inner := where{args: w.args}
	add(&inner)
	if inner.text == "" {
		return
	}
	w.text += " AND CASE WHEN " + strings.TrimPrefix(inner.text, " AND ") + " THEN TRUE ELSE FALSE END"
	w.args = inner.args
}

func (w *where) prices(q product.Query) {
	if q.MinPrice != nil {
		w.and(priceKey+" >= %s", int64(*q.MinPrice))
	}
	if q.MaxPrice != nil {
		w.and(priceKey+" <= %s", int64(*q.MaxPrice))
	}
}

func (w *where) named(text string) {
	if text != "" {
		// lower() knows only ASCII letters on SQLite. Both sides go through the
		// same one, so that a needle always finds itself.
		w.and(`lower(p.name) LIKE lower(%s) ESCAPE '\'`, "%"+escapeLike(text)+"%")
	}
}

// and adds a condition, in which each %s is the place of a value.
func (w *where) and(condition string, values ...any) {
	places := make([]any, len(values))
	for i, v := range values {
		w.args = append(w.args, v)
		places[i] = place(len(w.args))
	}
	w.text += " AND " + fmt.Sprintf(condition, places...)
}

// escapeLike has a text stand for itself in LIKE ... ESCAPE '\'.
func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// place is the n-th parameter.
func place(n int) string { return "$" + strconv.Itoa(n) }
