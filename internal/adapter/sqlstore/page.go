package sqlstore

import "github.com/loopers-commerce/commerce/internal/base/id"

// page returns the statement that reads up to limit rows of a SELECT, under its
// conditions and in an order, which must be total.
func page(selectFrom string, w where, order string, limit int) Stmt {
	w.args = append(w.args, limit)
	return stmt(selectFrom+w.text+" ORDER BY "+order+" LIMIT "+param(len(w.args)), w.args...)
}

// olderThan selects the rows of a user that are older than the one with the id
// before. Ids sort by time; the zero id is the beginning.
func olderThan(user, before id.ID) where {
	w := where{text: "WHERE user_id = $1", args: []any{user}}
	if !before.IsZero() {
		w.and("id < %s", before)
	}
	return w
}
