package bench_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

const (
	countedDays   = 30
	rollupMemory  = 100 // MB that commerce-batch may use, whatever the number of counters
	mostTimesBare = 1.3
)

// BenchmarkRollup publishes the ranking of a week and of a month of 10,000,000 counters
// with commerce-batch. The limit is the best statement that we know for the same 100
// products, and memory must not grow with the number of counters.
func BenchmarkRollup(b *testing.B) {
	dir := b.TempDir()
	program := build(b, dir, "../../../../cmd/commerce-batch")
	commerce := build(b, dir, "../../../../cmd/commerce")
	few := countedShop(b, commerce, program, 33_334)
	few.runs(b)
	many := countedShop(b, commerce, program, 333_334)
	for _, p := range countedPeriods() {
		b.Run(p.step, func(b *testing.B) {
			comparison{
				unit: "counters/s", goal: 1 / mostTimesBare,
				ours:     side{"commerce-batch", func(b *testing.B) float64 { b.Helper(); return many.ours(b, p) }},
				baseline: side{"one statement", func(b *testing.B) float64 { b.Helper(); return many.bare(b, p) }},
			}.run(b)
		})
	}
	for _, s := range []*counted{few, many} {
		fmt.Printf("%9d counters: commerce-batch uses %d MB (at most %d)\n", countedDays*s.products, s.megabytes, rollupMemory)
		if s.megabytes > rollupMemory {
			b.Errorf("%d MB", s.megabytes)
		}
	}
}

// countedPeriod is a period of the benchmark, and the step of the job that publishes it.
type countedPeriod struct {
	step        string
	first, last int
	days        int
}

func countedPeriods() []countedPeriod {
	return []countedPeriod{{"weekly", 20260316, 20260322, 7}, {"monthly", 20260301, 20260331, countedDays}}
}

// counted is a shop with counters of all products on each day.
type counted struct {
	address, program string
	admin            *pgx.Conn
	products         int
	megabytes        int64 // the most that a run has used
}

// countedShop fills a new database, which is dropped when the benchmark ends.
func countedShop(b *testing.B, commerce, program string, products int) *counted {
	b.Helper()
	s := &counted{address: storetest.Schema(b), program: program, products: products}
	if out, err := exec.CommandContext(b.Context(), commerce, "migrate", "--database-url", s.address).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var err error
	if s.admin, err = pgx.Connect(b.Context(), s.address); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.admin.Close(context.WithoutCancel(b.Context())) })
	for statement := range statements(fillCounted, products, countedDays) {
		if _, err := s.admin.Exec(b.Context(), statement); err != nil {
			b.Fatalf("%s: %v", statement, err)
		}
	}
	return s
}

// fillCounted fills a shop with counters of $1 products on $2 days. As in a shop, the
// products of a day are in the order of their first events, which is another on each day.
// Then the limit gets the memory that makes it fastest.
const fillCounted = `
	SET synchronous_commit = off;
	INSERT INTO brands (name, description) SELECT 'Brand', '';
	INSERT INTO products (id, brand_id, name, description, price, status, created_us) OVERRIDING SYSTEM VALUE
	SELECT $1, 1, 'The newest product', '', 1000, 'ON_SALE', 0;
	INSERT INTO stocks (product_id, quantity) SELECT $1, 1;
	ALTER TABLE product_metrics DROP CONSTRAINT product_metrics_pkey;
	DROP INDEX product_metrics_day;
	INSERT INTO product_metrics (product_id, day, views, likes, orders, quantity, amount, amount_log, version)
	SELECT 1 + (n::bigint * 7919 + d * 104729) % $1, 20260301 + d, (n::bigint * 31 + d * d * 17) % 997, (n + d) % 5, n % 3, n % 7, n % 3 * 10000,
		n % 3 * 9210 + n % 2111, 1
	FROM generate_series(0, $2 - 1) d, generate_series(1, $1) n;
	ALTER TABLE product_metrics ADD CONSTRAINT product_metrics_pkey PRIMARY KEY (product_id, day);
	CREATE INDEX product_metrics_day ON product_metrics (day);
	INSERT INTO metric_days SELECT day, 0, COUNT(*) FROM product_metrics GROUP BY day;
	VACUUM ANALYZE;
	SET work_mem = '64MB'`

// ours is a round of commerce-batch. The history says how long the step has taken, with
// its partitions and the publication.
func (s *counted) ours(b *testing.B, p countedPeriod) float64 {
	b.Helper()
	s.runs(b)
	var seconds float64
	var read int64
	err := s.admin.QueryRow(b.Context(), `SELECT (ended_us - started_us) / 1e6, items_read FROM job_steps WHERE step = $1 ORDER BY execution_id DESC LIMIT 1`,
		p.step).Scan(&seconds, &read)
	if err != nil {
		b.Fatal(err)
	}
	if read != int64(p.days*s.products) {
		b.Fatalf("%s: %d counters were read", p.step, read)
	}
	return float64(read) / seconds
}

// runs runs the job.
func (s *counted) runs(b *testing.B) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), s.program, "run", "weeklyMonthlyRankingJob", "date=2026-03-18", "--fresh",
		"--database-url", s.address, "--redis-url", os.Getenv("TEST_REDIS_URL"))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("this system does not tell the memory of a process")
	}
	s.megabytes = max(s.megabytes, usage.Maxrss/1024)
}
