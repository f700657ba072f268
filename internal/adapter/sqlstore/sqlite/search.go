package sqlite

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// search is a full-text index (FTS5) on the grams of names. Each gram is a word in it. It is
// not the tokenizer trigram of FTS5, which does not find a text of one or two characters.
type search struct{}

// Index implements sqlstore.Search.
func (search) Index(names sqlstore.Names, set func(...sqlstore.Column) (string, []any, error)) ([]sqlstore.Stmt, error) {
	grams := make([]string, len(names.Folded))
	for i, folded := range names.Folded {
		grams[i] = words(sqlstore.AllGrams(folded))
	}
	table, args, err := set(
		sqlstore.Column{Name: "id", Type: sqlstore.BigInt, Values: names.IDs},
		sqlstore.Column{Name: "grams", Type: sqlstore.Text, Values: grams},
	)
	return []sqlstore.Stmt{{
		SQL: `
			INSERT INTO product_grams (rowid, grams) SELECT v.id, v.grams FROM ` + table + ` v
			WHERE NOT EXISTS (SELECT 1 FROM product_grams g WHERE g.rowid = v.id)`,
		Args: args, Rows: sqlstore.Any,
	}}, err
}

// Find implements sqlstore.Search.
func (search) Find(folded string, limit int) sqlstore.Stmt {
	return sqlstore.Stmt{
		SQL: `
			SELECT p.id FROM product_grams g CROSS JOIN products p ON p.id = g.rowid
			WHERE g.product_grams MATCH $1 AND p.folded LIKE $2 ESCAPE '\' LIMIT ` + strconv.Itoa(limit),
		Args: []any{words(sqlstore.Grams(folded)), sqlstore.Containing(folded)}, Rows: sqlstore.Any,
	}
}

// words returns grams as words of letters and digits, with spaces between them. As a query it
// means all of them.
func words(grams []string) string {
	all := make([]string, len(grams))
	for i, gram := range grams {
		all[i] = "g" + hex.EncodeToString([]byte(gram))
	}
	return strings.Join(all, " ")
}
