package postgres

import (
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// search is an inverted index (GIN) on the grams of products.folded, which a function of the
// database computes. It is not pg_trgm, which finds nothing in texts that are not ASCII if
// the locale of the database is C, nor a text of one or two characters in any locale.
type search struct{}

// Index implements sqlstore.Search: the server does it.
func (search) Index(sqlstore.Names, func(...sqlstore.Column) (string, []any, error)) ([]sqlstore.Stmt, error) {
	return nil, nil
}

// Find implements sqlstore.Search. The array is behind a SELECT, so that there is one plan for
// all texts. A planner that sees a frequent text reads the table instead of the index, and
// expects to find enough soon.
func (search) Find(folded string, limit int) sqlstore.Stmt {
	return sqlstore.Stmt{
		SQL: `
			SELECT p.id FROM products p
			WHERE product_grams(p.folded) @> (SELECT $1::text[]) AND p.folded LIKE $2 ESCAPE '\' LIMIT ` + strconv.Itoa(limit),
		Args: []any{sqlstore.Grams(folded), sqlstore.Containing(folded)}, Rows: sqlstore.Any,
	}
}
