package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
)

// migratedSchema returns the address of a schema with empty tables, which no
// other test uses until this one ends.
//
// To migrate and to drop a schema takes most of a second, to empty its tables a
// few milliseconds. So the server keeps a pool of migrated schemas, named after
// the migrations that made them, for the tests of all programs. A test holds a
// schema by an advisory lock, which ends with the test's connection, even if the
// process is killed.
func migratedSchema(tb testing.TB) string {
	tb.Helper()
	address := held(tb).address()
	if _, measures := tb.(*testing.B); !measures {
		address += "&synchronous_commit=off" // tests need not wait for the disk
	}
	return address
}

// pooled is one schema of the pool, and the connection that holds it.
type pooled struct {
	testing.TB
	conn   *pgx.Conn
	schema string
}

// held returns a schema with empty tables, which is given back when the test ends.
func held(tb testing.TB) *pooled {
	tb.Helper()
	p := &pooled{tb, connect(tb), ""}
	ctx := context.WithoutCancel(tb.Context())
	tb.Cleanup(func() { _ = p.conn.Close(ctx) })
	p.claim()
	p.dropDays()
	if p.intact() {
		p.empty()
	} else {
		p.make()
	}
	return p
}

func (p *pooled) address() string {
	p.Helper()
	return within(p, p.schema)
}

// claim takes a schema of the pool that no test holds. It may not exist yet.
func (p *pooled) claim() {
	p.Helper()
	const most = 200 // of max_connections
	var n int
	made := p.migrations()
	err := p.conn.QueryRow(p.Context(),
		`SELECT n FROM generate_series(1, $2) n WHERE pg_try_advisory_lock($1, n) LIMIT 1`, int32(made), most).Scan(&n)
	if err != nil {
		p.Fatalf("find a free schema: %v", err)
	}
	p.schema = fmt.Sprintf("pool_%08x_%d", made, n)
}

// migrations returns a number that changes with the migrations.
func (p *pooled) migrations() uint32 {
	p.Helper()
	h := sha256.New()
	files := postgres.Migrations()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		_, _ = fmt.Fprintf(h, "%s %d\n%s", path, len(text), text) // a hash never fails
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// structure is an expression that changes when a table, a column, an index or a
// constraint of the schema $1 is added, changed or removed.
const structure = `(SELECT md5(string_agg(concat_ws(' ', relname,
		(SELECT string_agg(concat_ws(' ', attname, atttypid, attnotnull, pg_get_expr(adbin, adrelid)), ',' ORDER BY attnum)
			FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
			WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
		(SELECT string_agg(pg_get_constraintdef(oid), ',' ORDER BY conname) FROM pg_constraint WHERE conrelid = c.oid)),
		',' ORDER BY relname))
	FROM pg_class c WHERE relnamespace = to_regnamespace($1))`

// dropDays drops the partitions that a test has made.
func (p *pooled) dropDays() {
	p.Helper()
	var drop string
	err := p.conn.QueryRow(p.Context(), `
		SELECT COALESCE(string_agg(format('DROP TABLE %I.%I', $1::text, c.relname), ';'), '')
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE c.relkind = 'r' AND c.relname ~ '_[0-9]{8}$' AND c.relnamespace = to_regnamespace($1)`, p.schema).Scan(&drop)
	if err != nil {
		p.Fatalf("find the partitions: %v", err)
	}
	if drop != "" {
		p.exec(drop)
	}
}

// intact reports whether the schema is as its migrations left it.
func (p *pooled) intact() (same bool) {
	p.Helper()
	err := p.conn.QueryRow(p.Context(),
		`SELECT COALESCE(obj_description(to_regnamespace($1), 'pg_namespace') = `+structure+`, FALSE)`, p.schema).Scan(&same)
	if err != nil {
		p.Fatal(err)
	}
	return same
}

// make creates the schema anew, and stores its structure when it is complete.
func (p *pooled) make() {
	p.Helper()
	p.exec("DROP SCHEMA IF EXISTS " + p.schema + " CASCADE")
	p.exec("CREATE SCHEMA " + p.schema)
	db, err := postgres.Open(p.Context(), p.address(), Complete(sqlstore.Options{}))
	if err != nil {
		p.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(p.Context()); err != nil {
		p.Fatal(err)
	}
	if p.empty() > 0 {
		p.Fatal("a migration adds rows, which a schema of the pool would lose: let empty keep them")
	}
	var found string
	if err := p.conn.QueryRow(p.Context(), "SELECT "+structure, p.schema).Scan(&found); err != nil {
		p.Fatal(err)
	}
	p.exec("COMMENT ON SCHEMA " + p.schema + " IS '" + found + "'")
}

// empty deletes all rows, restarts all sequences, and returns the number of rows. If
// a table has grown, all are truncated instead, and the number is 0: that takes
// longer, but leaves no dead rows.
func (p *pooled) empty() (rows int64) {
	p.Helper()
	tables, grown := p.tables()
	if grown {
		p.exec("TRUNCATE " + strings.Join(tables, ", "))
	} else if err := p.conn.QueryRow(p.Context(), deleteAll(tables)).Scan(&rows); err != nil {
		p.Fatal(err)
	}
	_, err := p.conn.Exec(p.Context(),
		`SELECT setval(oid, 1, FALSE) FROM pg_class WHERE relkind = 'S' AND relname NOT LIKE 'goose%' AND relnamespace = to_regnamespace($1)`, p.schema)
	if err != nil {
		p.Fatal(err)
	}
	return rows
}

// tables returns the tables that migrations leave empty, and whether one of
// them takes more than a few pages.
func (p *pooled) tables() (names []string, grown bool) {
	p.Helper()
	err := p.conn.QueryRow(p.Context(), `
		SELECT array_agg(format('%I.%I', $1::text, relname)), MAX(pg_relation_size(oid)) > 256 * 1024
		FROM pg_class
		WHERE relkind = 'r' AND relname <> 'goose_db_version' AND relnamespace = to_regnamespace($1)`, p.schema).Scan(&names, &grown)
	if err != nil {
		p.Fatal(err)
	}
	return names, grown
}

// deleteAll returns a statement that deletes all rows of the tables and returns
// their number. It is one statement, so that foreign keys are checked when all
// tables are empty.
func deleteAll(tables []string) string {
	deletes, counts := make([]string, len(tables)), make([]string, len(tables))
	for i, table := range tables {
		deletes[i] = fmt.Sprintf("d%d AS (DELETE FROM %s RETURNING 1)", i, table)
		counts[i] = fmt.Sprintf("(SELECT COUNT(*) FROM d%d)", i)
	}
	return "WITH " + strings.Join(deletes, ", ") + " SELECT " + strings.Join(counts, " + ")
}

func (p *pooled) exec(statement string) {
	p.Helper()
	if _, err := p.conn.Exec(p.Context(), statement); err != nil {
		p.Fatalf("%s: %v", statement, err)
	}
}
