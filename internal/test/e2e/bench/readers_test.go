package bench_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

var readProducts = flag.Int("read-products", 100_000, "how many products the larger shop of the benchmark of readers has")

const (
	readers     = 16
	readPause   = 100 * time.Millisecond // between an answer and the next question of a reader
	besideTime  = 4 * time.Second
	readBrands  = 100
	readDays    = 10 // days with counters of all products
	readBuyers  = 16
	smallShop   = 10_000
	readingGoal = 0.8
)

// BenchmarkReaders compares how many orders commerce-api places beside readers of rankings
// that have no board, because Redis has lost it, with how many it places without readers.
// Nothing is published either: whatever can be computed is computed from the counters.
func BenchmarkReaders(b *testing.B) {
	for _, products := range slices.Compact([]int{smallShop, *readProducts}) {
		s := openCrowdShop(b)
		today := clock.DayOf(time.Now())
		s.count(b, products, today.Add(1-readDays).Until(today))
		for _, c := range []struct {
			name string
			path func() string
		}{
			{"of today", func() string { return "/api/v1/rankings" }},
			{"of 1,600,000 different pages", func() string {
				return fmt.Sprintf("/api/v1/rankings?date=%s&brandId=%d&page=%d&size=%d",
					today.Add(-rand.IntN(8)), 1+rand.IntN(readBrands), 1+rand.IntN(20), 1+rand.IntN(100))
			}},
			{"of old days", func() string {
				return fmt.Sprintf("/api/v1/rankings?date=%s&page=%d", today.Add(-8-rand.IntN(readDays)), 1+rand.IntN(20))
			}},
		} {
			b.Run(fmt.Sprintf("%d products, %s", products, c.name), func(b *testing.B) {
				comparison{
					unit: "orders/s", goal: readingGoal,
					ours:     side{fmt.Sprintf("beside %d readers %s", readers, c.name), func(b *testing.B) float64 { b.Helper(); return s.buyBeside(b, c.path) }},
					baseline: side{fmt.Sprintf("%d products, no readers", products), func(b *testing.B) float64 { b.Helper(); return s.buyBeside(b, nil) }},
				}.run(b)
			})
		}
	}
}

// count gives each product views on each of some days, and a brand.
func (s *crowdShop) count(b *testing.B, products int, days []clock.Day) {
	b.Helper()
	for statement := range statements(fillBrands, products, readBrands) {
		s.exec(b, statement)
	}
	for _, day := range days {
		s.exec(b, fmt.Sprintf(`
			INSERT INTO product_metrics (product_id, day, views, likes, orders, quantity, amount, amount_log, version)
			SELECT n, %s, 1 + n * 7919 %% 997, 0, 0, 0, 0, 0, 1 FROM generate_series(1, %d::bigint) n`, day, products))
		s.exec(b, fmt.Sprintf(`INSERT INTO metric_days (stripe, day, changes) VALUES (0, %s, 1)`, day))
	}
	s.exec(b, `VACUUM ANALYZE`)
}

// fillBrands gives a shop $1 products of $2 brands.
const fillBrands = `
	INSERT INTO brands (name, description) SELECT 'Brand ' || n, '' FROM generate_series(2, $2::bigint) n;
	INSERT INTO products (brand_id, name, description, price, status, created_us)
	SELECT 1, 'Product number ' || n, '', 1000, 'ON_SALE', 0 FROM generate_series((SELECT COUNT(*) + 1 FROM products), $1::bigint) n;
	INSERT INTO stocks (product_id, quantity) SELECT id, 1000000000 FROM products ON CONFLICT DO NOTHING;
	UPDATE products SET brand_id = 1 + id % $2::bigint`

// buyBeside returns how many orders are placed in a second, by customers who order one after
// the other, beside readers who ask for paths.
func (s *crowdShop) buyBeside(b *testing.B, path func() string) float64 {
	b.Helper()
	s.empty(b)
	buyers := s.guns(b, readBuyers)
	defer closeAll(buyers)
	var all sync.WaitGroup
	bought, looked := make([]int, len(buyers)), make([][]shot, readers)
	used, begun := s.cpu(b), time.Now()
	shop := ofProcess(s.cmd.Process.Pid)
	for i, g := range buyers {
		all.Go(func() {
			for time.Since(begun) < besideTime {
				status, err := g.order(s)
				if err != nil || status != http.StatusCreated && status != http.StatusServiceUnavailable {
					b.Errorf("an order: %d, %v", status, err)
					return
				}
				if status == http.StatusCreated {
					bought[i]++
				}
			}
		})
	}
	if path != nil {
		guns := s.guns(b, readers)
		defer closeAll(guns)
		for i, g := range guns {
			all.Go(func() { looked[i] = s.look(b, g, begun, path) })
		}
	}
	all.Wait()
	n := 0
	for _, each := range bought {
		n += each
	}
	s.sold(b, n)
	now, lasted := s.cpu(b), time.Since(begun).Seconds()
	reads := slices.Concat(looked...)
	served, unknown, refused := sorted(reads, http.StatusOK), sorted(reads, http.StatusNotFound), sorted(reads, http.StatusServiceUnavailable)
	fmt.Printf("%.0f orders/s; %.0f pages/s (p50 %.1f ms, p99 %.0f ms), %.0f not published, %.0f refused (p99 %.0f ms); processors: shop %.2f, database %.2f\n",
		float64(n)/lasted, float64(len(served))/lasted, at(served, 50), at(served, 99), float64(len(unknown))/lasted,
		float64(len(refused))/lasted, at(refused, 99), (ofProcess(s.cmd.Process.Pid)-shop).Seconds()/lasted, (now.server-used.server).Seconds()/lasted)
	return float64(n) / lasted
}

// look asks for one path after another, with a pause.
func (s *crowdShop) look(b *testing.B, g *gun, begun time.Time, path func() string) (shots []shot) {
	b.Helper()
	for time.Since(begun) < besideTime {
		sent := time.Now()
		status, err := g.get(path())
		if err != nil || status != http.StatusOK && status != http.StatusNotFound && status != http.StatusServiceUnavailable {
			b.Errorf("a ranking: %d, %v", status, err)
			return shots
		}
		shots = append(shots, shot{time.Since(sent), time.Since(sent), status})
		time.Sleep(readPause)
	}
	return shots
}

// get asks for a path.
func (g *gun) get(path string) (status int, err error) {
	g.text = fmt.Appendf(g.text[:0], "GET %s HTTP/1.1\r\nHost: shop\r\n\r\n", path)
	return g.send()
}
