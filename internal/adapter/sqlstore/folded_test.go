package sqlstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

const addUser = `INSERT INTO users (id, login_id, email, birth_date, gender, role, password_hash, created_us)
	VALUES ($1, $2, $3, '1990-01-01', 'MALE', 'customer', $2, 0)`

// withTwins fills the tables of version 17 with users and brands that the shop accepted then.
func (r rawDB) withTwins(t *testing.T) {
	t.Helper()
	for n, u := range [][2]string{
		{"Kim", "kim@x.kr"}, {"kim", "\u00e9@x.kr"}, {"lee", "e\u0301@x.kr"}, {"KIM", "o@x.kr"}, {"Park", "p@x.kr"},
	} {
		r.exec(t, addUser, uid(7, n+1), u[0], u[1])
	}
	for _, name := range []string{"Cafe", "cafe", " Cafe ", "Caf\u00e9", "\u1112\u1161\u11ab", "한", "Other"} {
		r.exec(t, `INSERT INTO brands (name, description) VALUES ($1, '')`, name)
	}
}

func twinsOfUsers() []sqlstore.Twin {
	return []sqlstore.Twin{
		{Table: "users", Column: "login_id", ID: uid(7, 2), Text: "kim", Older: uid(7, 1), Other: "Kim"},
		{Table: "users", Column: "login_id", ID: uid(7, 4), Text: "KIM", Older: uid(7, 1), Other: "Kim"},
		{Table: "users", Column: "email", ID: uid(7, 3), Text: "e\u0301@x.kr", Older: uid(7, 2), Other: "\u00e9@x.kr"},
	}
}

func twinsOfBrands() []sqlstore.Twin {
	return []sqlstore.Twin{
		{Table: "brands", Column: "name", ID: "2", Text: "cafe", Older: "1", Other: "Cafe"},
		{Table: "brands", Column: "name", ID: "3", Text: " Cafe ", Older: "1", Other: "Cafe"},
		{Table: "brands", Column: "name", ID: "6", Text: "한", Older: "5", Other: "\u1112\u1161\u11ab"},
	}
}

// twins fails the test unless these twins are found.
func twins(t *testing.T, db *sqlstore.DB, want []sqlstore.Twin) {
	t.Helper()
	found, err := db.Twins(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("twins (-want +found):\n%s", diff)
	}
}

// loginOf returns the loginId of the user who is found by another one.
func loginOf(t *testing.T, db *sqlstore.DB, loginID string) string {
	t.Helper()
	var u user.User
	err := db.View(t.Context(), func(tx store.Tx) (err error) {
		u, err = tx.Users.ByLoginID(t.Context(), loginID)
		return err
	})
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		t.Fatal(err)
	}
	return u.LoginID
}

func TestTwinsThatWereThereKeepWorkingAndGetNoOther(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		program := db.open()
		twins(t, program, nil) // there are no tables
		db.atVersion(t, 17)
		db.withTwins(t)
		all := append(twinsOfUsers(), twinsOfBrands()...)
		twins(t, program, all)
		before := db.lines(t, `SELECT login_id, email FROM users ORDER BY id`)
		names := db.lines(t, `SELECT name FROM brands ORDER BY id`)
		for range 2 {
			db.migrated(t)
			twins(t, program, all)
		}
		if diff := cmp.Diff(before, db.lines(t, `SELECT login_id, email FROM users ORDER BY id`)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(names, db.lines(t, `SELECT name FROM brands ORDER BY id`)); diff != "" {
			t.Error(diff)
		}
		for asked, want := range map[string]string{"Kim": "Kim", "kim": "kim", "KIM": "KIM", "kIM": "Kim", "PARK": "Park", "LEE": "lee", "k": ""} {
			if got := loginOf(t, program, asked); got != want {
				t.Errorf("%s is %q, want %q", asked, got, want)
			}
		}
		twinsAreRefused(t, program)
	})
}

func twinsAreRefused(t *testing.T, db *sqlstore.DB) {
	t.Helper()
	for _, c := range []struct {
		loginID, email string
		want           error
	}{
		{"kIm", "new@x.kr", user.ErrLoginIDTaken}, {"new", "E\u0301@X.kr", user.ErrEmailTaken}, {"park", "new@x.kr", user.ErrLoginIDTaken},
	} {
		u := user.User{ID: id.ID{9}, LoginID: c.loginID, Email: c.email, BirthDate: "1990-01-01", Gender: user.Male, Role: user.Customer}
		err := db.Update(t.Context(), func(tx store.Tx) error { tx.Users.Add(u); return nil })
		if !errors.Is(err, c.want) {
			t.Errorf("%s, %s: %v", c.loginID, c.email, err)
		}
	}
	for _, name := range []string{"CAFE", "cafe\u0301", "한", "oTHER"} {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.Brands.Add(t.Context(), product.Brand{Name: name})
			return err
		})
		if !errors.Is(err, product.ErrBrandNameTaken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An operator parts the twins, and a program of the version before adds users meanwhile.
func TestPartedTwinsAreFoundInAnyCase(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.atVersion(t, 17)
		db.withTwins(t)
		db.migrated(t)
		db.exec(t, `UPDATE users SET login_id = 'Kim2' WHERE login_id = 'Kim'`)
		db.exec(t, `UPDATE users SET email = 'e2@x.kr' WHERE login_id = 'lee'`)
		db.exec(t, `DELETE FROM users WHERE login_id = 'KIM'`)
		db.exec(t, `UPDATE brands SET name = 'Cafe ' || id WHERE id <= 3`)
		db.exec(t, `DELETE FROM brands WHERE id = 5`)
		db.exec(t, addUser, uid(7, 9), "Old", "old@x.kr")
		program := db.open()
		if got := loginOf(t, program, "KIM2"); got != "" {
			t.Errorf("found by what is not folded yet: %s", got)
		}
		if got := loginOf(t, program, "Kim2") + loginOf(t, program, "Old"); got != "Kim2Old" {
			t.Errorf("not found by the loginId itself: %s", got)
		}
		db.migrated(t)
		twins(t, program, nil)
		for asked, want := range map[string]string{"KIM2": "Kim2", "KIM": "kim", "LEE": "lee", "OLD": "Old"} {
			if got := loginOf(t, program, asked); got != want {
				t.Errorf("%s is %q, want %q", asked, got, want)
			}
		}
		for _, column := range []string{"login_folded FROM users", "email_folded FROM users", "folded FROM brands"} {
			if folded := db.lines(t, "SELECT "+column); slices.ContainsFunc(folded, func(s string) bool { return s < " " || s == "<nil>" }) {
				t.Errorf("%s: %q", column, folded)
			}
		}
	})
}

// Many rows are folded in several transactions.
func TestManyTextsAreFolded(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.atVersion(t, 17)
		db.exec(t, `INSERT INTO users SELECT `+db.someID("1")+`, 'U' || n, 'm' || n || '@x.kr', '1990-01-01', 'MALE', 'customer', '', 0 FROM `+numbers, 1203)
		db.exec(t, addUser, uid(7, 1), "u1203", "x@x.kr")
		db.migrated(t)
		program := db.open()
		for asked, want := range map[string]string{"u1": "U1", "u500": "U500", "u501": "U501", "u1000": "U1000", "u1203": "u1203"} {
			if got := loginOf(t, program, asked); got != want {
				t.Errorf("%s is %q, want %q", asked, got, want)
			}
		}
		found, err := program.Twins(t.Context())
		if err != nil || len(found) != 1 || found[0].Other != "U1203" {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

// The migration has to know which names are folded otherwise than before. It is in SQL.
func TestNamesThatAreFoldedOtherwiseAreFoldedAgain(t *testing.T) {
	t.Parallel()
	var odd []rune
	for r := rune(1); r <= unicode.MaxRune; r++ {
		folded := text.Fold("a" + string(r) + "b")
		if folded == "ab" && !unicode.IsControl(r) || unicode.IsSpace(r) && r != ' ' {
			odd = append(odd, r)
		}
	}
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.atVersion(t, 17)
		db.exec(t, `INSERT INTO brands (name, description) VALUES ('b', '')`)
		var rows strings.Builder
		for _, r := range odd {
			fmt.Fprintf(&rows, "(1, 'a%cb', '', 1, 'ON_SALE', 0, 'before'), ", r)
		}
		db.exec(t, `INSERT INTO products (brand_id, name, description, price, status, created_us, folded) VALUES `+rows.String()+
			`(1, 'a  b', '', 1, 'ON_SALE', 0, 'before'), (1, 'a b', '', 1, 'ON_SALE', 0, 'kept'), (1, '우유 (é)-^]', '', 1, 'ON_SALE', 0, 'kept')`)
		db.migrated(t)
		if left := db.lines(t, `SELECT name FROM products WHERE folded = 'before'`); len(left) > 0 {
			t.Errorf("%d names are not folded again: %+q", len(left), left[:min(len(left), 20)])
		}
		if kept := db.lines(t, `SELECT name FROM products WHERE folded = 'kept'`); len(kept) != 2 {
			t.Errorf("folded again for nothing: %q are left", kept)
		}
		var found []product.Listing
		program := db.open()
		db.exec(t, `INSERT INTO stocks (product_id, quantity) SELECT id, 1 FROM products`)
		err := program.Snapshot(t.Context(), func(tx store.Tx) (err error) {
			found, err = tx.Products.List(t.Context(), product.Query{Sort: product.PriceAsc, Text: "A\u3000B"}, 100)
			return err
		})
		if err != nil || len(found) < 20 {
			t.Errorf("%d products with blanks of all kinds are found (%v)", len(found), err)
		}
	})
}

// A log-in and a brand must not cost a look at all users and brands.
func TestTextsAreFoundByTheirIndexes(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.migrated(t)
		db.exec(t, `INSERT INTO users SELECT `+db.someID("1")+`, 'U' || n, 'm' || n || '@x.kr', '1990-01-01', 'MALE', 'customer', '', 0, 'u' || n, 'm' || n || '@x.kr' FROM `+numbers, 20000)
		db.exec(t, `INSERT INTO brands (name, description, folded) SELECT 'B' || n, '', 'b' || n FROM `+numbers, 20000)
		db.exec(t, `ANALYZE users`)
		db.exec(t, `ANALYZE brands`)
		plans := db.planner(t)
		for what, q := range map[string]sqlstore.Stmt{
			"login":  {SQL: sqlstore.ByLoginSQL, Args: []any{"U7", "u7"}},
			"brand":  {SQL: sqlstore.ByNameSQL, Args: []any{"B7", "b7"}},
			"filled": {SQL: sqlstore.UnfoldedLogins(), Args: []any{uid(1, 1), 500}},
		} {
			for how, plan := range plans.plans(q) {
				if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN users") || strings.Contains(plan, "SCAN brands") || !strings.Contains(plan, "folded") {
					t.Errorf("%s, %s:\n%s", what, how, plan)
				}
			}
		}
	})
}
