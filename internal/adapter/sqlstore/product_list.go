package sqlstore

import (
	"context"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// List implements product.Table.
func (t products) List(ctx context.Context, q product.Query, limit int) ([]product.Listing, error) {
	l, err := listOf(q)
	if err != nil {
		return nil, err
	}
	if l.followsOrder() {
		return all(ctx, t.each, l.page(limit), scanListing)
	}
	return t.search(ctx, l, limit)
}

// list is a list of products, in SQL. Its statements consist of fixed parts; all values are
// parameters.
type list struct {
	product.Query
	listOrder

	folded string // the text
}

// listOrder is a sort in SQL. Each is total, and there is an index in this order, with and
// without the brand.
type listOrder struct {
	shelf
	key       string // the column before the id; empty if there is none
	direction string
	beyond    string // the operator between a later row and a position
}

// shelf is a table with the indexes of some orders.
type shelf struct {
	from      string // the table
	items     string // the table, and that of products
	id, brand string
	shown     string // the literal that the partial indexes are made for
}

const priceKey = "p.price"

func listOf(q product.Query) (list, error) {
	l := list{Query: q, folded: text.Fold(q.Text)}
	switch q.Sort {
	case product.Latest:
		l.listOrder = listOrder{shelfOfProducts(), "", "DESC", "<"}
	case product.PriceAsc:
		l.listOrder = lowestPriceFirst()
	case product.PriceDesc:
		l.listOrder = listOrder{shelfOfProducts(), priceKey, "DESC", "<"}
	case product.LikesDesc:
		l.listOrder = listOrder{shelfOfLikes(), "l.like_count", "DESC", "<"}
	default:
		return l, product.ErrSort
	}
	return l, nil
}

func lowestPriceFirst() listOrder { return listOrder{shelfOfProducts(), priceKey, "ASC", ">"} }

func shelfOfProducts() shelf {
	return shelf{"products p ", "products p WHERE true", "p.id", "p.brand_id", " AND p.status <> 'HIDDEN'"}
}

func shelfOfLikes() shelf {
	return shelf{
		"product_likes l ", "product_likes l CROSS JOIN products p WHERE p.id = l.product_id",
		"l.product_id", "l.brand_id", " AND NOT l.hidden",
	}
}

// followsOrder reports whether the products of a list are next to each other in the index of
// its order.
func (l list) followsOrder() bool { return l.folded == "" && !l.hasOtherPrices() }

// hasOtherPrices reports whether there is a range of prices, and the order is another.
func (l list) hasOtherPrices() bool {
	return l.key != priceKey && (l.MinPrice != nil || l.MaxPrice != nil)
}

// by returns the ORDER BY clause.
func (o listOrder) by() string {
	if o.key == "" {
		return " ORDER BY " + o.id + " " + o.direction
	}
	return " ORDER BY " + o.key + " " + o.direction + ", " + o.id + " " + o.direction
}

// compare adds the condition that rows are on one side of a position.
func (o listOrder) compare(w *where, operator string, p product.Position) {
	if o.key == "" {
		w.and(o.id+" "+operator+" %s", p.ID)
		return
	}
	w.and("("+o.key+", "+o.id+") "+operator+" (%s, %s)", p.Key, p.ID)
}

// conditions adds what the index of the order understands.
func (l list) conditions(w *where) {
	l.addShelf(w, l.shelf)
	if l.key == priceKey {
		l.addPrices(w)
	}
	if l.After != nil {
		l.compare(w, l.beyond, *l.After)
	}
}

// addShelf adds what every index of a table understands. The second condition on the brand
// says nothing, but makes PostgreSQL expect fewer rows. Where one brand has nearly all
// products, it takes each brand for that one, for which the index without the brand is as
// good: the page of a small brand took a walk through the shop.
func (l list) addShelf(w *where, s shelf) {
	w.text += s.shown
	if l.BrandID != 0 {
		w.and(s.brand+" = %[1]s AND "+s.brand+" >= %[1]s", l.BrandID)
	}
}

// addPrices adds the conditions of a price range.
func (l list) addPrices(w *where) {
	if l.MinPrice != nil {
		w.and(priceKey+" >= %s", int64(*l.MinPrice))
	}
	if l.MaxPrice != nil {
		w.and(priceKey+" <= %s", int64(*l.MaxPrice))
	}
}

// addFilters adds the conditions that the index of the order does not understand.
func (l list) addFilters(w *where) {
	if l.hasOtherPrices() {
		l.addPrices(w)
	}
	if l.folded != "" {
		l.addName(w)
	}
}

// addName adds the condition that the name contains the text.
func (l list) addName(w *where) { w.and(`p.folded LIKE %s ESCAPE '\'`, Containing(l.folded)) }

// page returns the statement that reads a page by the index of the order. (A table of a few
// pages is read as a whole by PostgreSQL, which is faster.)
func (l list) page(limit int) Stmt {
	var w where
	l.conditions(&w)
	return l.read(w, limit)
}

// read returns the statement that reads items under conditions. The limit is not a parameter:
// for an unknown limit, PostgreSQL expects a tenth of all products. Such a plan seems so
// expensive that it plans each execution.
func (l list) read(w where, limit int) Stmt {
	return stmt(`SELECT `+itemColumns+beside+` FROM `+l.items+w.text+l.by()+` LIMIT `+strconv.Itoa(limit), w.args...)
}
