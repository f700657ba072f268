package storetest

import (
	"strconv"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// addBrand adds a brand of a fixed name and returns its id.
func addBrand(t *testing.T, db store.DB) (brand int64) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		b, err := tx.Brands.Add(t.Context(), product.Brand{Name: "only one"})
		brand = b.ID
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return brand
}

// The tests run one after another, so that most of them use a schema again.
func TestEveryStoreIsEmpty(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB{
		"sqlite": SQLite, "postgres": Postgres,
	} {
		for range 5 {
			t.Run(name, func(t *testing.T) {
				if id := addBrand(t, open(t, sqlstore.Options{})); id != 1 {
					t.Errorf("the first brand has the id %d", id)
				}
			})
		}
	}
}

func TestStoresThatAreOpenAtTheSameTimeAreApart(t *testing.T) {
	t.Parallel()
	for _, open := range []func(testing.TB, sqlstore.Options) *sqlstore.DB{SQLite, Postgres} {
		addBrand(t, open(t, sqlstore.Options{}))
		addBrand(t, open(t, sqlstore.Options{}))
	}
}

func TestASchemaThatATestHasChangedIsMadeAnew(t *testing.T) {
	t.Parallel()
	p := held(t)
	p.exec("SET search_path TO " + p.schema)
	for _, damage := range []string{
		`DROP TABLE brands CASCADE`, `ALTER TABLE brands DROP COLUMN description`, `CREATE TABLE more (x INTEGER)`,
		`ALTER TABLE products DROP CONSTRAINT products_brand_id_fkey`, `DROP INDEX products_latest`,
	} {
		p.exec("BEGIN")
		p.exec(damage)
		if p.intact() {
			t.Errorf("%s is not noticed", damage)
		}
		p.exec("ROLLBACK")
	}
	p.exec("DROP TABLE brands CASCADE")
	p.make()
	if !p.intact() || p.empty() != 0 {
		t.Error("the schema was not made anew")
	}
}

// A schema whose tables have grown is truncated, any other is deleted from.
func TestASchemaIsEmptiedWhateverItHolds(t *testing.T) {
	t.Parallel()
	p := held(t)
	p.exec("SET search_path TO " + p.schema)
	for brands, want := range map[int]int64{2: 6, 20_000: 0} { // a product has a row of likes
		n := strconv.Itoa(brands)
		p.exec("INSERT INTO brands (name, description) SELECT n, '' FROM generate_series(1, " + n + ") n")
		p.exec("INSERT INTO products (brand_id, name, description, price, status, created_us) " +
			"SELECT n, n, '', 5, 'ON_SALE', n FROM generate_series(1, " + n + ") n")
		if deleted := p.empty(); deleted != want {
			t.Errorf("of %d rows %d were deleted, want %d", 3*brands, deleted, want)
		}
		if left := p.empty(); left != 0 {
			t.Errorf("of %d rows %d are left", 3*brands, left)
		}
	}
}
