// Package limits measures what a machine can do without our code: a bare net/http server
// that writes the same bytes, and pgbench with the same statements. Our figures are compared
// with those of the same run.
package limits

import "fmt"

// UnitPrice is the price of every product of an OrderShop, in won.
const UnitPrice = 1_000

// The stock of each product and the points of each buyer at the begin: numbers that occur
// nowhere else.
const (
	FirstStock = 900_000_007
	FirstMoney = 900_000_000_009
)

// OrderShop is a migrated PostgreSQL schema in which pgbench places orders.
type OrderShop struct {
	Address          string
	Buyers, Products int // their ids are the numbers from 1 on
}

// Fill returns the statements that fill it.
func (s OrderShop) Fill() string {
	return fmt.Sprintf(`
		INSERT INTO users (id, login_id, email, birth_date, gender, role, password_hash, created_us)
		SELECT lpad(n::text, 32, '0')::uuid, 'u' || n, 'u' || n || '@example.com', '1990-01-01', 'MALE', 'customer', '', 0
		FROM generate_series(1, %d) n;
		INSERT INTO wallets (user_id, balance) SELECT id, %d FROM users;
		INSERT INTO brands (name, description) VALUES ('Acme', 'of all that is sold here');
		INSERT INTO products (brand_id, name, description, price, status, created_us)
		SELECT 1, 'Product number ' || n, 'As good as any other', %d, 'ON_SALE', 0 FROM generate_series(1, %d) n;
		INSERT INTO stocks (product_id, quantity) SELECT id, %d FROM products`,
		s.Buyers, FirstMoney, UnitPrice, s.Products, FirstStock)
}

// Empty returns the statements that remove every order, so that each round begins like the
// first one. Each is to be sent alone: VACUUM takes no company.
func (OrderShop) Empty() []string {
	return []string{
		`TRUNCATE orders, order_lines, order_history, stock_movements, point_entries, outbox, idempotency_keys RESTART IDENTITY CASCADE`,
		fmt.Sprintf(`UPDATE stocks SET quantity = %d WHERE quantity <> %[1]d`, FirstStock),
		fmt.Sprintf(`UPDATE wallets SET balance = %d WHERE balance <> %[1]d`, FirstMoney),
		`VACUUM ANALYZE stocks`,
		`VACUUM ANALYZE wallets`,
	}
}
