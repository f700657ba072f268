package load

import (
	"fmt"
	"strings"
)

// catalog knows what the shop sells: each product is a function of its number, and so are
// the statements that fill the database. So an answer can be compared with what it must be.
type catalog struct{ products, brands int64 }

// pageSize is the size of the pages of lists. Every brand and every word fills one.
const pageSize = 20

// newCatalog returns a catalog whose brands have 500 products each, or at least two pages.
func newCatalog(products int64) catalog {
	return catalog{products, max(1, products/max(500, 2*pageSize))}
}

// words are the second words of the names of products. Each is in one of 24 names.
var words = []string{
	"teacup", "lamp", "spoon", "tray", "jar", "blanket", "kettle", "basket", "mirror", "candle", "vase", "stool",
	"찻잔", "등잔", "수저", "소반", "항아리", "이불", "주전자", "바구니", "거울", "양초", "화병", "의자",
}

// qualities are the first words.
var qualities = []string{"Quiet", "Celadon", "Brass", "Paper", "Walnut", "Linen", "Indigo"}

func (c catalog) name(id int64) string {
	return fmt.Sprintf("%s %s %d", qualities[id%int64(len(qualities))], words[id%int64(len(words))], id)
}

func (c catalog) price(id int64) int64 { return 1_000 + id*7_919%100_000*10 }
func (c catalog) brand(id int64) int64 { return 1 + id%c.brands }

// hidden reports whether a product is hidden from customers.
func (c catalog) hidden(id int64) bool { return id%1_000 == 999 }

// soldOut reports whether a product has no stock from the begin.
func (c catalog) soldOut(id int64) bool { return id%50 == 49 }

// known reports whether a product is of the catalog. Scenarios add others.
func (c catalog) known(id int64) bool { return id >= 1 && id <= c.products }

// What every product and every customer has at the begin.
const (
	firstStock = 10_000_000
	firstMoney = 1_000_000_000_000
	// ranked is how many products have views today, so that rankings have pages. The first
	// product has the most.
	ranked = 2_000
)

// fill returns the statements that fill a shop. The books are right: stock has movements,
// and points have a ledger. Foreign keys hold by construction.
func (c catalog) fill(customers int, day int64) []string {
	literal := func(all []string) string { return "ARRAY['" + strings.Join(all, "','") + "']" }
	product := fmt.Sprintf(`(%s)[1 + n %% %d] || ' ' || (%s)[1 + n %% %d] || ' ' || n`, literal(qualities), len(qualities), literal(words), len(words))
	return []string{
		`SET session_replication_role = replica`,
		fmt.Sprintf(`INSERT INTO brands (name, description) SELECT 'Brand ' || n, 'One of those that are sold here' FROM generate_series(1, %d) n`, c.brands),
		fmt.Sprintf(`INSERT INTO products (brand_id, name, folded, description, price, status, created_us)
			SELECT 1 + n %% %[1]d, %[2]s, lower(%[2]s), repeat('It is as good as any other. ', 8), 1000 + (n * 7919) %% 100000 * 10,
				CASE WHEN n %% 1000 = 999 THEN 'HIDDEN' ELSE 'ON_SALE' END, 1760000000000000 + n * 1000000
			FROM generate_series(1, %[3]d::bigint) n ORDER BY n`, c.brands, product, c.products),
		`INSERT INTO product_likes (product_id, brand_id, hidden, like_count) SELECT id, brand_id, status = 'HIDDEN', 0 FROM products`,
		fmt.Sprintf(`INSERT INTO stocks (product_id, quantity) SELECT id, CASE WHEN id %% 50 = 49 THEN 0 ELSE %d END FROM products`, firstStock),
		`INSERT INTO stock_movements (product_id, delta, quantity, reason, note, at_us)
			SELECT product_id, quantity, quantity, 'INITIAL', '', 1760000000000000 FROM stocks WHERE quantity > 0`,
		fmt.Sprintf(`INSERT INTO users (id, login_id, email, birth_date, gender, role, password_hash, created_us)
			SELECT lpad(n::text, 32, '0')::uuid, 'u' || n, 'u' || n || '@customers.example', '1990-01-01', 'FEMALE', CASE WHEN n = 1 THEN 'admin' ELSE 'customer' END, '', 0
			FROM generate_series(1, %d) n`, customers),
		fmt.Sprintf(`INSERT INTO wallets (user_id, balance) SELECT id, %d FROM users`, firstMoney),
		`INSERT INTO point_entries (id, user_id, type, amount, balance, at_us) SELECT gen_random_uuid(), user_id, 'CHARGE', balance, balance, 0 FROM wallets`,
		fmt.Sprintf(`INSERT INTO product_metrics (product_id, day, views, likes, orders, quantity, amount, amount_log, version)
			SELECT id, %d, 20 + (%d - id) / 5, 0, 0, 0, 0, 0, 1 FROM products WHERE id <= %[2]d AND status = 'ON_SALE'`, day, min(ranked, c.products)),
		`RESET session_replication_role`,
		`VACUUM ANALYZE brands, products, product_likes, stocks, stock_movements, users, wallets, point_entries, product_metrics`,
	}
}
