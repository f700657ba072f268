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
// so that no page is ever sorted.
type listOrder struct {
	key       string // the column before the id; empty if there is none
	direction string
	beyond    string // what comes later in the order is ... than a position
}

func orderOf(s product.Sort) (listOrder, error) {
	switch s {
	case product.Latest:
		return listOrder{"", "DESC", "<"}, nil
	case product.PriceAsc:
		return listOrder{"p.price", "ASC", ">"}, nil
	case product.PriceDesc:
		return listOrder{"p.price", "DESC", "<"}, nil
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

// price returns the price as filters read it. SQLite believes any range of an
// indexed column to be narrow, and would sort what it finds; the cast, which
// changes nothing, has it keep to the index of the sort.
func (o listOrder) price() string {
	if o.key == "p.price" {
		return o.key
	}
	return "CAST(p.price AS BIGINT)"
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
	if q.MinPrice != nil {
		w.and(o.price()+" >= %s", int64(*q.MinPrice))
	}
	if q.MaxPrice != nil {
		w.and(o.price()+" <= %s", int64(*q.MaxPrice))
	}
	if q.Text != "" {
		// lower() knows only ASCII letters on SQLite. Both sides go through the
		// same one, so that a needle always finds itself.
		w.and(`lower(p.name) LIKE lower(%s) ESCAPE '\'`, "%"+escapeLike(q.Text)+"%")
	}
	if q.After != nil {
		o.after(&w, *q.After)
	}
	// The limit is written out: PostgreSQL takes one that it does not know for a
	// tenth of the shop, finds a plan for that dear, and plans each time anew.
	return stmt(selectItem+w.text+" ORDER BY "+o.by()+" LIMIT "+strconv.Itoa(limit), w.args...), nil
}

// where gathers conditions, and numbers their parameters as they come.
type where struct {
	text string
	args []any
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
