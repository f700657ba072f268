package bench_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// verifyMemory is the most that `commerce verify` may use, in MB, whatever the shop's
// size.
const verifyMemory = 200

// BenchmarkVerify recounts shops of 1,000,000 products with 10,000, 100,000 and
// 1,000,000 orders of two lines. The time per order must not grow, and the memory must
// stay below the limit.
func BenchmarkVerify(b *testing.B) {
	commerce := build(b, b.TempDir(), "../../../../cmd/commerce")
	const products = 1_000_000
	var empty time.Duration
	for _, orders := range []int{0, 10_000, 100_000, 1_000_000} {
		address := soldShop(b, commerce, products, orders)
		took, megabytes := verifies(b, commerce, address)
		if orders == 0 {
			empty = took // the products alone
			fmt.Printf("%9d products, no orders: %6.1f s, %d MB (at most %d)\n", products, took.Seconds(), megabytes, verifyMemory)
			continue
		}
		fmt.Printf("%9d orders: %6.1f s, %.0f us for each order beyond that, %d MB (at most %d)\n", orders, took.Seconds(),
			(took-empty).Seconds()*1e6/float64(orders), megabytes, verifyMemory)
		if megabytes > verifyMemory {
			b.Errorf("%d orders: %d MB", orders, megabytes)
		}
	}
}

// verifies runs the command, which must find no difference.
func verifies(b *testing.B, commerce, address string) (took time.Duration, megabytes int64) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), commerce, "verify", "--no-board", "--database-url", address)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took = time.Since(began)
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if os.Getenv("BENCH_VERBOSE") != "" {
		fmt.Println(string(out))
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("this system does not tell the memory of a process")
	}
	return took, usage.Maxrss / 1024
}

// soldShop returns the address of a shop with $1 products and $2 paid orders of the last
// year, all of them counted.
func soldShop(b *testing.B, commerce string, products, orders int) (address string) {
	b.Helper()
	address = storetest.Schema(b)
	if out, err := exec.CommandContext(b.Context(), commerce, "migrate", "--database-url", address).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	admin, err := pgx.Connect(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	defer admin.Close(context.WithoutCancel(b.Context()))
	for statement := range statements(fillSold, products, orders) {
		if _, err := admin.Exec(b.Context(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
	return address
}

// fillSold fills a shop with $1 products and $2 orders. The foreign keys hold by
// construction.
const fillSold = `
	SET session_replication_role = replica;
	SET synchronous_commit = off;
	INSERT INTO brands (name, description) SELECT 'Brand', '';
	INSERT INTO products (brand_id, name, description, price, status, created_us)
	SELECT 1, 'Product ' || n, '', 1000, 'ON_SALE', 0 FROM generate_series(1, $1::bigint) n;
	INSERT INTO product_likes (product_id, brand_id, hidden, like_count) SELECT id, 1, FALSE, 0 FROM products;
	INSERT INTO orders (id, user_id, status, version, amount, points, created_us)
	SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), CAST(lpad(to_hex(n % 1000), 32, '0') AS uuid), 'PAID', 2, 3 * (1000 + n % 9 * 100), 3 * (1000 + n % 9 * 100), n
	FROM generate_series(1, $2::bigint) n;
	INSERT INTO order_history (order_id, version, status, reason, at_us)
	SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), 2, 'PAID', '', 1760000000000000 + n * (31536000000000 / ($2::bigint + 1)) FROM generate_series(1, $2::bigint) n;
	INSERT INTO order_lines (order_id, line, product_id, name, price, quantity)
	SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), l, 1 + n * (7919 + l) % $1::bigint, 'Product', 1000 + n % 9 * 100, l
	FROM generate_series(1, $2::bigint) n, generate_series(1, 2) l;
	INSERT INTO stock_movements (product_id, delta, quantity, reason, note, at_us)
	SELECT n, 1000000000, 1000000000, 'INITIAL', '', 0 FROM generate_series(1, $1::bigint) n;
	INSERT INTO stock_movements (product_id, delta, quantity, reason, note, order_id, at_us)
	SELECT product_id, -quantity, 0, 'ORDERED', '', order_id, 0 FROM order_lines;
	INSERT INTO stocks (product_id, quantity) SELECT product_id, SUM(delta) FROM stock_movements GROUP BY product_id;
	INSERT INTO wallets (user_id, balance) SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), 0 FROM generate_series(0, 999) n;
	INSERT INTO point_entries (id, user_id, type, amount, balance, order_id, at_us)
	SELECT id, user_id, 'USE', -points, 0, id, 0 FROM orders;
	INSERT INTO point_entries (id, user_id, type, amount, balance, at_us)
	SELECT gen_random_uuid(), user_id, 'CHARGE', SUM(points), 0, 0 FROM orders GROUP BY user_id;
	INSERT INTO product_metrics (product_id, day, views, likes, orders, quantity, amount, amount_log, version)
	SELECT l.product_id, CAST(to_char(to_timestamp(h.at_us / 1000000) AT TIME ZONE 'Asia/Seoul', 'YYYYMMDD') AS integer),
		0, 0, COUNT(*), SUM(l.quantity), SUM(l.quantity * l.price), SUM(round(1000 * ln(1 + CAST(l.quantity * l.price AS float8)))), 1
	FROM order_lines l JOIN order_history h ON h.order_id = l.order_id GROUP BY 1, 2;
	RESET session_replication_role;
	VACUUM ANALYZE`
