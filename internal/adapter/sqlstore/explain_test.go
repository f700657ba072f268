package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
)

// planner returns the plans of an engine, on a connection of the store, which has the
// settings of the store.
type planner struct {
	*testing.T
	engine string
	db     *sqlstore.DB
	conn   sqlstore.Conn
}

func (r rawDB) planner(t *testing.T) planner {
	t.Helper()
	db := r.open()
	conn, err := sqlstore.Connection(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.End(nil) })
	return planner{t, r.engine, db, conn}
}

// plans returns the plans of a statement, by name. PostgreSQL has a custom plan for
// the values and, after some executions, a generic plan. It uses the cheaper one, so
// both must be good.
func (p planner) plans(st sqlstore.Stmt) map[string]string {
	p.Helper()
	if p.engine == "sqlite" {
		return map[string]string{"as planned": p.ask("EXPLAIN QUERY PLAN "+st.SQL, st.Args...)}
	}
	none := strings.TrimPrefix(strings.Repeat(", NULL", len(st.Args)), ", ")
	if none != "" {
		none = "(" + none + ")"
	}
	p.ask("PREPARE kept AS " + st.SQL)
	p.ask("SET plan_cache_mode = force_generic_plan")
	defer p.ask("DEALLOCATE kept")
	defer p.ask("RESET plan_cache_mode")
	return map[string]string{
		"planned for the values": p.ask("EXPLAIN (COSTS OFF) "+st.SQL, st.Args...),
		"planned for all values": p.ask("EXPLAIN (COSTS OFF) EXECUTE kept" + none),
	}
}

// ask returns the last column of each row that a statement returns.
func (p planner) ask(text string, args ...any) string {
	p.Helper()
	rows, err := p.conn.Query(p.Context(), nil, sqlstore.Stmt{SQL: text, Args: args})
	if err != nil {
		p.Fatalf("%s: %v", text, err)
	}
	var last string
	dest := []any{&last}
	if p.engine == "sqlite" {
		dest = []any{new(int), new(int), new(int), &last}
	}
	var all strings.Builder
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			p.Error(err)
		}
		all.WriteString(last + " \n")
	}
	if err := rows.Close(); err != nil {
		p.Fatalf("%s: %v", text, err)
	}
	return all.String()
}

// sorts reports whether a plan sorts anything.
func sorts(plan string) bool {
	return strings.Contains(plan, "Sort") || strings.Contains(plan, "TEMP B-TREE")
}
