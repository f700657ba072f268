package sqlstore_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// atVersion1 creates the tables of version 1.
func (r rawDB) atVersion1(t *testing.T) {
	t.Helper()
	r.atVersion(t, 1)
}

// atVersion creates the tables of a version.
func (r rawDB) atVersion(t *testing.T, version int64) {
	t.Helper()
	dialect := map[string]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres}[r.engine]
	p, err := goose.NewProvider(dialect, r.DB, os.DirFS(filepath.Join(r.engine, "migrations")), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// numbers is a table with the numbers from 1 to $1.
const numbers = `(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) SELECT n FROM s) s`

// someID returns an expression for the n-th id of a kind.
func (r rawDB) someID(kind string) string {
	hex := "printf('%012x', n)"
	if r.engine == "postgres" {
		hex = "lpad(to_hex(n), 12, '0')"
	}
	id := "'01920000-000" + kind + "-7000-8000-' || " + hex
	if r.engine == "postgres" {
		return "(" + id + ")::uuid"
	}
	return id
}

// fillVersion1 fills the tables of version 1 with n orders, each of another user. An
// audit finds no differences.
func (r rawDB) fillVersion1(t *testing.T, n int) {
	t.Helper()
	name := "CAST(n AS TEXT)"
	user, placed := r.someID("1"), r.someID("4")
	for _, text := range []string{
		`INSERT INTO users (id, login_id, email, birth_date, gender, role, password_hash, created_us) SELECT ` + user + `, ` + name + `, ` + name + `, '1990-01-01', 'MALE', 'customer', 'hash', n FROM ` + numbers,
		`INSERT INTO wallets SELECT ` + user + `, 1000 FROM ` + numbers,
		`INSERT INTO point_entries SELECT ` + r.someID("2") + `, ` + user + `, 'CHARGE', 1000, 1000, NULL, n FROM ` + numbers,
		`INSERT INTO brands (name, description) SELECT ` + name + `, '' FROM ` + numbers,
		`INSERT INTO products (brand_id, name, description, price, status, created_us) SELECT n, ` + name + `, '', 5, 'ON_SALE', n FROM ` + numbers,
		`INSERT INTO stocks SELECT n, CASE WHEN n % 3 = 2 THEN 7 ELSE 0 END FROM ` + numbers,
		`INSERT INTO stock_movements (product_id, delta, quantity, reason, note, at_us) SELECT n, 7, 7, 'INITIAL', '', n FROM ` + numbers,
		`INSERT INTO stock_movements (product_id, delta, quantity, reason, note, at_us) SELECT n, -7, 0, 'ORDERED', '', n FROM ` + numbers,
		`INSERT INTO stock_movements (product_id, delta, quantity, reason, note, at_us)
			SELECT n, 7, 7, 'CANCELLED', '', n FROM ` + numbers + ` WHERE n % 3 = 2`,
		`INSERT INTO orders (id, user_id, status, version, amount, points, created_us) SELECT ` + placed + `, ` + user + `, CASE WHEN n % 3 = 2 THEN 'CANCELLED' ELSE 'PAID' END,
			CASE WHEN n % 3 = 2 THEN 3 ELSE 2 END, 35, 35, n FROM ` + numbers,
		`INSERT INTO order_lines SELECT ` + placed + `, 1, n, ` + name + `, 5, 4 FROM ` + numbers,
		`INSERT INTO order_lines SELECT ` + placed + `, 2, n, ` + name + `, 5, 3 FROM ` + numbers,
		`INSERT INTO order_history SELECT ` + placed + `, 1, 'PENDING', '', n FROM ` + numbers,
		`INSERT INTO order_history SELECT ` + placed + `, 2, 'PAID', '', n FROM ` + numbers,
		`INSERT INTO order_history SELECT ` + placed + `, 3, 'CANCELLED', 'why', n FROM ` + numbers + ` WHERE n % 3 = 2`,
	} {
		r.exec(t, text, n)
	}
}

// version1 returns every row of the tables of version 1, with the columns of version
// 1.
func (r rawDB) version1(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for table, columns := range map[string]string{
		"users": "id, login_id, created_us", "wallets": "user_id, balance", "point_entries": "id, user_id, amount, balance", "stocks": "product_id, quantity",
		"products": "id, name, price", "stock_movements": "id, product_id, delta, quantity, reason",
		"orders":      "id, user_id, status, version, amount, points, created_us",
		"order_lines": "order_id, line, product_id, name, price, quantity", "order_history": "order_id, version, status, reason, at_us",
	} {
		all[table] = r.lines(t, `SELECT `+columns+` FROM `+table+` ORDER BY 1, 2`)
		if len(all[table]) == 0 {
			t.Fatalf("no rows in %s", table)
		}
	}
	return all
}

// requireUnchanged fails the test unless the rows are the same as before.
func (r rawDB) requireUnchanged(t *testing.T, before map[string][]string) {
	t.Helper()
	if after := r.version1(t); !cmp.Equal(before, after) {
		t.Errorf("rows were lost, or changed (-before +after):\n%.2000s", cmp.Diff(before, after))
	}
}

func TestMigrationsKeepEveryRow(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.atVersion1(t)
		db.fillVersion1(t, 50)
		before := db.version1(t)
		programs := []*sqlstore.DB{db.open(), db.open(), db.open(), db.open(), db.open(), db.open()}
		var all sync.WaitGroup
		for _, p := range programs {
			all.Go(func() {
				if _, err := p.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		db.requireUnchanged(t, before)
		for _, p := range programs {
			if err := p.CheckSchema(t.Context()); err != nil {
				t.Error(err)
			}
			refusesOrphans(t, p)
		}
		soundAfterwards(t, programs[0])
		db.refersToOrders(t)
		// A program of version 1 keeps working.
		db.exec(t, `INSERT INTO orders (id, user_id, status, version, amount, points, created_us)
			SELECT `+db.someID("8")+`, `+db.someID("1")+`, 'PAID', 2, 9, 9, 0 FROM `+numbers, 1)
	})
}

// refusesOrphans fails the test unless a store refuses rows that refer to rows that
// do not exist.
func refusesOrphans(t *testing.T, db store.DB) {
	t.Helper()
	orphan, err := order.New(id.ID{1}, id.ID{2}, []order.Line{{ProductID: 1, Price: 1, Quantity: 1}}, time.UnixMicro(0))
	if err != nil {
		t.Fatal(err)
	}
	unpaid := payment.New(id.ID{3}, id.ID{1}, id.ID{2}, payment.Card{Last4: "0123"}, 1, time.UnixMicro(0), payment.DefaultPolicy())
	for what, write := range map[string]func(store.Tx){
		"an order without a user": func(tx store.Tx) { tx.Orders.Add(orphan) },
		"a payment of no order":   func(tx store.Tx) { tx.Payments.Add(unpaid) },
	} {
		err := db.Update(t.Context(), func(tx store.Tx) error { write(tx); return nil })
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "foreign key") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func soundAfterwards(t *testing.T, db store.DB) {
	t.Helper()
	err := db.Snapshot(t.Context(), func(tx store.Tx) error {
		for _, compare := range []func(context.Context, store.AuditReport) error{
			tx.Audit.Stock, tx.Audit.Wallets, tx.Audit.Coupons, tx.Audit.Paid, tx.Audit.Charged,
		} {
			var found storetest.Report
			if err := compare(t.Context(), &found); err != nil {
				return err
			}
			for _, d := range found.Differences {
				t.Errorf("%+v", d)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A migration that fails leaves tables and constraints as they were.
func TestAMigrationThatFailsHasChangedNothing(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.atVersion1(t)
		db.fillVersion1(t, 5)
		before := db.version1(t)
		db.exec(t, `CREATE TABLE charges (x INTEGER)`) // the last table that version 2 creates
		program := db.open()
		if _, err := program.Migrate(t.Context()); err == nil {
			t.Fatal("the migration did not fail")
		}
		db.requireUnchanged(t, before)
		if have, _, err := program.Version(t.Context()); have != 1 || err != nil {
			t.Errorf("at version %d (%v)", have, err)
		}
		if _, err := db.ExecContext(t.Context(), `SELECT discount FROM orders`); err == nil {
			t.Error("a part of the migration was applied")
		}
		db.exec(t, `DROP TABLE charges`)
		if _, err := program.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		db.requireUnchanged(t, before)
		refusesOrphans(t, program)
		db.refersToOrders(t)
	})
}

// refersToOrders fails the test unless lines and history refer to the table that has
// replaced the table of orders.
func (r rawDB) refersToOrders(t *testing.T) {
	t.Helper()
	for _, insert := range []string{
		`INSERT INTO order_lines SELECT ` + r.someID("9") + `, 1, 1, '', 1, 1 FROM ` + numbers,
		`INSERT INTO order_history SELECT ` + r.someID("9") + `, 1, 'PAID', '', 1 FROM ` + numbers,
	} {
		_, err := r.ExecContext(t.Context(), insert, 1)
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "foreign key") {
			t.Errorf("%s: %v", insert, err)
		}
	}
	if r.engine != "sqlite" {
		return
	}
	if orphans := r.lines(t, `PRAGMA foreign_key_check`); len(orphans) > 0 {
		t.Errorf("rows refer to rows that do not exist: %v", orphans)
	}
	if left := r.lines(t, `SELECT sql FROM sqlite_master WHERE sql LIKE '%orders$_new%' ESCAPE '$' OR sql LIKE '%history$_new%' ESCAPE '$'`); len(left) > 0 {
		t.Errorf("something refers to a table that does not exist: %v", left)
	}
}
