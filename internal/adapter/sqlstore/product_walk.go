package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// A list with a text, or with a range of prices in another order than that of prices, can be
// read in two ways. One walks the index of the order and looks at each product: it is fast if
// many products match. The other gathers all products that match, by the index of names or by
// that of prices, and sorts them: it is fast if few do. Nobody knows beforehand which it is,
// and where in the order the products are that match.
//
// So we take both ways in turn, and at each turn go further. We walk some products; if that
// has not filled the page, we gather up to some products; if there are more, we walk on. The
// first way that succeeds ends it. So a page costs at most some times as much as the faster
// of the two ways, whatever the products are.
type turn struct {
	walk   int // products that are walked
	gather int // products that are gathered at most
}

func firstTurn() turn { return turn{walk: 1_000, gather: 2_000} }

func (t turn) next() turn {
	const further = 8
	return turn{t.walk * further, t.gather * further}
}

// search reads a page of such a list. Its statements must see the same products: Snapshot
// sees to that.
func (t products) search(ctx context.Context, l list, limit int) (page []product.Listing, err error) {
	for turn := t.firstTurn; ; turn = turn.next() {
		end, err := t.positionAfter(ctx, l, turn.walk)
		if err != nil {
			return nil, err
		}
		walked, err := all(ctx, t.each, l.upTo(end, limit-len(page)), scanListing)
		page = append(page, l.without(walked, end)...)
		if err != nil || end == nil || len(page) == limit {
			return page, err
		}
		l.After = end
		rest, complete, err := t.gather(ctx, l, turn.gather, limit-len(page))
		if err != nil || complete {
			return append(page, rest...), err
		}
	}
}

// positionAfter returns the position that is some steps after the first product of a list, or
// nil if there is none.
func (t products) positionAfter(ctx context.Context, l list, steps int) (*product.Position, error) {
	var end *product.Position
	err := t.each(ctx, l.stepsAfter(steps), func(r row) error {
		end = &product.Position{}
		return r.Scan(&end.Key, &end.ID)
	})
	return end, err
}

func (l list) stepsAfter(steps int) Stmt {
	w := where{text: `WHERE true`}
	l.conditions(&w)
	return stmt(`SELECT `+l.keyOrNone()+`, `+l.id+` FROM `+l.from+w.text+l.by()+` LIMIT 1 OFFSET `+strconv.Itoa(steps), w.args...)
}

// upTo returns the statement that walks a list up to a position, and some products further;
// nil is the end. The position is not a condition for the index: of a range with two ends,
// planners expect so few rows that they sort them. Instead, all products beyond it match, so
// that the page is soon full.
func (l list) upTo(end *product.Position, limit int) Stmt {
	var w where
	l.conditions(&w)
	hidden := []func(*where){l.addFilters}
	if end != nil {
		hidden = append(hidden, func(w *where) { l.compare(w, l.beyond, *end) })
	}
	w.hideFromPlanner(hidden...)
	return l.read(w, limit)
}

// without returns what was walked up to a position.
func (l list) without(walked []product.Listing, end *product.Position) []product.Listing {
	if end == nil {
		return walked
	}
	n := slices.IndexFunc(walked, func(item product.Listing) bool { return l.isBeyond(l.Sort.Position(item), *end) })
	if n < 0 {
		return walked
	}
	return walked[:n]
}

// isBeyond reports whether a position comes after another one.
func (o listOrder) isBeyond(p, end product.Position) bool {
	order := cmp.Or(cmp.Compare(p.Key, end.Key), cmp.Compare(p.ID, end.ID))
	return order > 0 == (o.direction == "ASC") && order != 0
}

// source is an index other than that of the order, by which the products of a list are found.
type source struct {
	ids  Stmt // of all products of the list, and of others, up to a limit
	most int
	// rest adds the conditions of the list that ids does not have.
	rest func(*where)
	// items says that they are conditions on products.
	items bool
}

// gather returns the first products of a list, if a source has not more than it may have.
// Otherwise it returns false.
func (t products) gather(ctx context.Context, l list, most, limit int) (found []product.Listing, complete bool, err error) {
	for _, from := range l.sources(t.session.search, most) {
		ids, err := all(ctx, t.each, from.ids, scalar[int64])
		if err != nil || len(ids) == 0 {
			return nil, true, err
		}
		if len(ids) <= from.most {
			found, err = all(ctx, t.each, l.among(t.dialect, ids, from, limit), scanListing)
			return found, true, err
		}
	}
	return nil, false, nil
}

// sources returns the index of names, and that of prices, if they have a part in the list.
func (l list) sources(s Search, most int) (all []source) {
	if l.folded != "" {
		all = append(all, source{s.Find(l.folded, most+1), most, l.unnamed, l.hasOtherPrices()})
	}
	if l.hasOtherPrices() {
		all = append(all, l.priced(most))
	}
	return all
}

// unnamed adds all conditions but the text.
func (l list) unnamed(w *where) {
	l.conditions(w)
	if l.hasOtherPrices() {
		l.addPrices(w)
	}
}

// priced returns the source of the products of a range of prices. It may have more than
// others: it reads nothing but an index.
func (l list) priced(most int) source {
	most *= 4
	prices := l
	prices.After, prices.listOrder = nil, lowestPriceFirst()
	w := where{text: `WHERE true`}
	prices.conditions(&w)
	ids := stmt(`SELECT p.id FROM `+prices.from+w.text+prices.by()+` LIMIT `+strconv.Itoa(most+1), w.args...)
	return source{ids, most, func(w *where) {
		if l.After != nil {
			l.compare(w, l.beyond, *l.After)
		}
		if l.folded != "" {
			l.addName(w)
		}
	}, l.folded != ""}
}

// among returns the statement that reads a page of a list, all of whose products are among
// those of a source. They are sorted before anything else is read of them.
func (l list) among(d Dialect, ids []int64, from source, limit int) Stmt {
	tables := l.from + `WHERE true`
	if from.items {
		tables = l.items
	}
	w := where{text: ` AND ` + d.In(l.id, BigInt, 1), args: []any{ids}}
	w.hideFromPlanner(from.rest)
	first := `SELECT ` + l.id + ` AS id, ` + l.keyOrNone() + ` AS k FROM ` + tables + w.text + l.by() + ` LIMIT ` + strconv.Itoa(limit)
	return stmt(`SELECT `+itemColumns+beside+` FROM (`+first+`) t CROSS JOIN products p WHERE p.id = t.id
		ORDER BY t.k `+l.direction+`, t.id `+l.direction, w.args...)
}

// keyOrNone returns the column before the id, or 0.
func (o listOrder) keyOrNone() string {
	if o.key == "" {
		return "0"
	}
	return o.key
}
