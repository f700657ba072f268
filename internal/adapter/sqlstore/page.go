package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// page returns the statement that reads up to limit rows of a SELECT, under its
// conditions and in an order, which must be total.
func page(selectFrom string, w where, order string, limit int) Stmt {
	w.args = append(w.args, limit)
	return stmt(selectFrom+w.text+" ORDER BY "+order+" LIMIT "+param(len(w.args)), w.args...)
}

// listing is a list whose rows may be large.
type listing struct {
	columns string // without the names of tables
	bytes   string // the size of a row, in bytes
	order   string // total
}

// fitting returns the statement that reads the rows of another one, which has the columns
// and the order of the list, as long as those before a row have few bytes together. So it
// reads one row at least. The last column is how many rows the other statement has. The
// database measures the rows: those that are too many do not travel.
func (l listing) fitting(q Stmt, budget int) Stmt {
	return stmt(`
		SELECT `+l.columns+`, rows_found FROM (
			SELECT q.*, COUNT(*) OVER () AS rows_found,
				COALESCE(SUM(`+l.bytes+`) OVER (ORDER BY `+l.order+` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before
			FROM (`+q.SQL+`) q
		) f WHERE bytes_before <= `+param(len(q.Args)+1)+` ORDER BY `+l.order, append(q.Args, budget)...)
}

// readFitting returns the rows of a statement that fit. more tells whether there are others.
func readFitting[T any](ctx context.Context, read reader, q Stmt, scan func(r row, more ...any) (T, error)) (found []T, more bool, err error) {
	var rows int64
	found, err = all(ctx, read, q, func(r row) (T, error) { return scan(r, &rows) })
	return found, int64(len(found)) < rows, err
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
