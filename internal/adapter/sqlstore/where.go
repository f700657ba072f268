package sqlstore

import (
	"fmt"
	"strconv"
	"strings"
)

// where is a WHERE clause with its arguments.
type where struct {
	text string
	args []any
}

// hideFromPlanner adds the conditions of add in a form that planners do not
// understand. The rows are read by the index of the sort, and the conditions are
// evaluated for each row.
//
// A planner that understands them expects few rows. So it reads all of these rows
// by another index, and sorts them. SQLite does so for any range of an indexed
// column. PostgreSQL does so, in a generic plan, for any range of prices, of which it
// expects 1 of 200 products of a brand of average size. For the largest brand of
// 200,000 products, a range with a third of the prices took 49 ms; now it takes 0.1 ms.
//
// With several functions, a row must satisfy the conditions of one of them.
func (w *where) hideFromPlanner(add ...func(*where)) {
	var cases string
	for _, fn := range add {
		inner := where{args: w.args}
		fn(&inner)
		w.args = inner.args
		if inner.text != "" {
			cases += " WHEN " + strings.TrimPrefix(inner.text, " AND ") + " THEN TRUE"
		}
	}
	if cases != "" {
		w.text += " AND CASE" + cases + " ELSE FALSE END"
	}
}

// and adds a condition, in which each %s is the parameter of a value.
func (w *where) and(condition string, values ...any) {
	places := make([]any, len(values))
	for i, v := range values {
		w.args = append(w.args, v)
		places[i] = param(len(w.args))
	}
	w.text += " AND " + fmt.Sprintf(condition, places...)
}

// escapeLike returns the pattern that matches a text in LIKE ... ESCAPE '\'.
func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// param returns the n-th parameter, as it is written in a statement.
func param(n int) string { return "$" + strconv.Itoa(n) }
