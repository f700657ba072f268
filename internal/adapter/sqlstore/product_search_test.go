package sqlstore_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// listed returns the ids and like counts of a list.
func listed(t *testing.T, db *sqlstore.DB, q product.Query) (all [][2]int64) {
	t.Helper()
	err := db.Snapshot(t.Context(), func(tx store.Tx) error {
		found, err := tx.Products.List(t.Context(), q, 10)
		for _, l := range found {
			all = append(all, [2]int64{l.ID, l.LikeCount})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A shop that was there before names were indexed and like counts had a table of their own.
// A program of the version before works on beside the migrated tables.
func TestAMigrationIndexesNamesAndMovesLikeCounts(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, db rawDB) {
		t.Helper()
		db.atVersion(t, 13)
		db.exec(t, `INSERT INTO brands (name, description) VALUES ('b', '')`)
		const insert = `INSERT INTO products (brand_id, name, description, price, status, like_count, created_us) VALUES `
		db.exec(t, insert+`(1, 'Große Tasse', '', 1, 'ON_SALE', 3, 0), (1, '우유', '', 1, 'HIDDEN', 9, 0), (1, 'Tasse', '', 1, 'ON_SALE', 5, 0)`)
		db.exec(t, `INSERT INTO stocks (product_id, quantity) SELECT id, 1 FROM products`)
		program := db.open()
		check := func(q product.Query, want ...[2]int64) {
			t.Helper()
			if got := listed(t, program, q); !slices.Equal(got, want) {
				t.Errorf("%+v: the ids and likes are %d, want %d", q, got, want)
			}
		}
		migrate := func() {
			t.Helper()
			if _, err := program.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		migrate()
		check(product.Query{Sort: product.LikesDesc}, [2]int64{3, 5}, [2]int64{1, 3})
		check(product.Query{Sort: product.PriceAsc, Text: "GROSSE"}, [2]int64{1, 3})
		db.exec(t, insert+`(1, 'Neue TASSE', '', 1, 'ON_SALE', 0, 0)`)
		db.exec(t, `INSERT INTO stocks (product_id, quantity) VALUES (4, 1)`)
		db.exec(t, `UPDATE products SET like_count = like_count + 4 WHERE id = 4`)
		db.exec(t, `UPDATE products SET name = 'Becher' WHERE id = 1`)
		db.exec(t, `UPDATE products SET status = 'ON_SALE' WHERE id = 2`)
		check(product.Query{Sort: product.LikesDesc}, [2]int64{2, 9}, [2]int64{3, 5}, [2]int64{4, 4}, [2]int64{1, 3})
		check(product.Query{Sort: product.PriceAsc, Text: "grosse"})
		migrate() // once more, when no program of the version before is left
		check(product.Query{Sort: product.PriceAsc, Text: "tasse"}, [2]int64{3, 5}, [2]int64{4, 4})
		check(product.Query{Sort: product.PriceAsc, Text: "becher"}, [2]int64{1, 3})
		check(product.Query{Sort: product.PriceAsc, Text: "유"}, [2]int64{2, 9})
	})
}

// The database computes the grams of names, the program those of a text.
func TestTheGramsOfATextAreAmongThoseOfANameWithIt(t *testing.T) {
	t.Parallel()
	for folded, want := range map[string][]string{
		"유": {"유"}, "우유": {"우유"}, "우유 1": {"우유 ", "유 1"}, "aaaa": {"aaa"}, "🥛x🥛x🥛": {"🥛x🥛", "x🥛x"},
	} {
		got := sqlstore.Grams(folded)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", folded, diff)
		}
		for _, gram := range got {
			if !slices.Contains(sqlstore.AllGrams("x"+folded+"y"), gram) {
				t.Errorf("a name with %q does not have %q", folded, gram)
			}
		}
	}
}
