package bench_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// The load on the shop in one process.
const (
	devRequests  = 100_000
	devShoppers  = 16 // requests at a time
	devProducts  = 25 // of the demo shop
	devSoap      = 15 // the product that is bought
	devSoapPrice = 9_000
	devMoney     = 10_000_000
)

var devCustomers = []string{"ann", "bob", "cho"}

// BenchmarkDevStart measures the start of `commerce dev` in a new folder, and again in the
// same one.
func BenchmarkDevStart(b *testing.B) {
	var programs cluster.Programs
	dir := b.TempDir()
	shop, bare := programs.Path(b, "commerce"), build(b, dir, bareProgram(b))
	for b.Loop() {
		measureStarts(b, shop, bare)
	}
	b.ReportMetric(0, "ns/op") // a round is not an operation
}

// BenchmarkDevMemory measures the memory of `commerce dev` at rest and under load.
func BenchmarkDevMemory(b *testing.B) {
	var programs cluster.Programs
	shop := programs.Path(b, "commerce")
	for b.Loop() {
		measureMemory(b, shop)
	}
	b.ReportMetric(0, "ns/op") // a round is not an operation
}

// measureStarts measures the time from exec to the first answer.
func measureStarts(b *testing.B, shop, bare string) {
	b.Helper()
	var plain, fresh, again []float64
	for round := range *rounds + 1 {
		folder := b.TempDir()
		p := startBare(b, bare)
		f := startShop(b, shop, folder)
		f.stop(b)
		a := startShop(b, shop, folder)
		a.stop(b)
		p.kill()
		if round > 0 { // the first round reads the programs from the disk
			plain, fresh, again = append(plain, p.took()), append(fresh, f.took()), append(again, a.took())
		}
	}
	table(b, [][]string{
		{"exec to first answer", "median", "least", "most", ""},
		spreadOf(plain).row("bare net/http", "%.0f", "ms"),
		spreadOf(fresh).row("dev, new folder", "%.0f", "ms"),
		spreadOf(again).row("dev, known folder", "%.0f", "ms"),
		ratioOf(fresh, plain).row("new to bare", "%.0f", "times as long"),
		ratioOf(again, plain).row("known to bare", "%.0f", "times as long"),
	})
	b.ReportMetric(spreadOf(fresh).median, "ms/first-start")
	b.ReportMetric(spreadOf(again).median, "ms/start")
}

// measureMemory measures the memory of a shop at rest, and after many requests.
func measureMemory(b *testing.B, shop string) {
	b.Helper()
	p := startShop(b, shop, b.TempDir())
	defer p.stop(b)
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: devShoppers}}
	defer c.CloseIdleConnections()
	time.Sleep(2 * time.Second) // until the start is over
	idle := p.memory(b, "VmRSS")
	p.addStockAndPoints(b, c)
	before := p.balances(b, c)
	begun := time.Now()
	orders := p.sendRequests(b, c)
	rate := devRequests / time.Since(begun).Seconds()
	if paid := before - p.balances(b, c); paid != orders*devSoapPrice {
		b.Fatalf("%d orders of %d won were answered, and %d won paid", orders, devSoapPrice, paid)
	}
	busy, peak := p.memory(b, "VmRSS"), p.memory(b, "VmHWM")
	time.Sleep(10 * time.Second)
	table(b, [][]string{
		{"resident memory", "MiB"},
		{"at rest", fmt.Sprintf("%.0f", idle)},
		{fmt.Sprintf("after %d requests", devRequests), fmt.Sprintf("%.0f", busy)},
		{"10 s later", fmt.Sprintf("%.0f", p.memory(b, "VmRSS"))},
		{"most by then", fmt.Sprintf("%.0f", peak)},
	})
	b.ReportMetric(idle, "MiB/idle")
	b.ReportMetric(busy, "MiB/busy")
	b.ReportMetric(rate, "requests/s")
}

// addStockAndPoints adds stock and points to those of the demo shop.
func (p *program) addStockAndPoints(b *testing.B, c *http.Client) {
	b.Helper()
	for _, customer := range devCustomers {
		p.must(b, c, apiclient.Charge(customer, devMoney), nil)
	}
	delta := map[string]any{"delta": 90_000, "reason": "for the benchmark"}
	p.must(b, c, apiclient.Post("admin", fmt.Sprintf("/admin/v1/products/%d/stock", devSoap), delta), nil)
}

// sendRequests sends the requests: of 100, 60 for a product, 25 for a list, 14 for the
// ranking, and an order.
func (p *program) sendRequests(b *testing.B, c *http.Client) (orders int64) {
	b.Helper()
	var all sync.WaitGroup
	var sent, bought atomic.Int64
	for range devShoppers {
		all.Go(func() {
			for n := sent.Add(1); n <= devRequests; n = sent.Add(1) {
				r, status, err := p.request(b, int(n))
				if err == nil {
					err = expect(c, r, status)
				}
				if err != nil {
					b.Error(err)
					return
				}
				if status == http.StatusCreated {
					bought.Add(1)
				}
			}
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	return bought.Load()
}

func (p *program) request(b *testing.B, n int) (r *http.Request, status int, err error) {
	b.Helper()
	path := "/api/v1/rankings?period=daily"
	switch turn := n % 100; {
	case turn == 0:
		body := fmt.Sprintf(`{"items":[{"productId":%d,"quantity":1}]}`, devSoap)
		r, err = http.NewRequestWithContext(b.Context(), http.MethodPost, p.url+ordersPath, strings.NewReader(body))
		if err == nil {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-USER-ID", devCustomers[n/100%len(devCustomers)])
			r.Header.Set("Idempotency-Key", fmt.Sprint("order-", n))
		}
		return r, http.StatusCreated, err
	case turn <= 60:
		path = fmt.Sprintf("/api/v1/products/%d", 1+rand.IntN(devProducts))
	case turn <= 85:
		path = "/api/v1/products?sort=" + sorts[n%len(sorts)]
	}
	r, err = http.NewRequestWithContext(b.Context(), http.MethodGet, p.url+path, http.NoBody)
	return r, http.StatusOK, err
}
