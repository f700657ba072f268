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
)

// What customers do in the shop of one process.
const (
	devRequests  = 100_000
	devShoppers  = 16 // requests at a time
	devProducts  = 25 // of the demo shop
	devSoap      = 15 // the product that is bought
	devSoapPrice = 9_000
	devMoney     = 10_000_000
)

var devCustomers = []string{"ann", "bob", "cho"}

// BenchmarkDevStart starts `commerce dev`, as it is built, in a new folder and
// again in the same one.
func BenchmarkDevStart(b *testing.B) {
	dir := b.TempDir()
	shop, bare := build(b, dir, "../../../../cmd/commerce"), build(b, dir, bareProgram(b))
	for b.Loop() {
		starts(b, shop, bare)
	}
	b.ReportMetric(0, "ns/op") // a round is no operation
}

// BenchmarkDevMemory keeps `commerce dev` busy.
func BenchmarkDevMemory(b *testing.B) {
	shop := build(b, b.TempDir(), "../../../../cmd/commerce")
	for b.Loop() {
		weigh(b, shop)
	}
	b.ReportMetric(0, "ns/op") // a rush is no operation
}

// starts measures how long it takes from exec to the first answer.
func starts(b *testing.B, shop, bare string) {
	b.Helper()
	var plain, fresh, again []float64
	for round := range *rounds + 1 {
		folder := b.TempDir()
		p := openAnswer(b, bare)
		f := openShop(b, shop, folder)
		f.stop(b)
		a := openShop(b, shop, folder)
		a.stop(b)
		p.kill()
		if round > 0 { // the first reads the programs from the disk
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

// weigh measures the memory of a shop that rests, and after many requests.
func weigh(b *testing.B, shop string) {
	b.Helper()
	p := openShop(b, shop, b.TempDir())
	defer p.stop(b)
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: devShoppers}}
	defer c.CloseIdleConnections()
	time.Sleep(2 * time.Second) // what starts has started
	idle := p.memory(b, "VmRSS")
	p.endow(b, c)
	purses := p.purses(b, c)
	begun := time.Now()
	orders := p.rush(b, c)
	rate := devRequests / time.Since(begun).Seconds()
	if paid := purses - p.purses(b, c); paid != orders*devSoapPrice {
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

// endow lets the shop sell more, and the customers pay more, than the demo has.
func (p *program) endow(b *testing.B, c *http.Client) {
	b.Helper()
	for _, customer := range devCustomers {
		p.must(b, c, customer, http.StatusOK, "/api/v1/points/charge", fmt.Sprintf(`{"amount":%d}`, devMoney))
	}
	p.must(b, c, "admin", http.StatusOK, fmt.Sprintf("/admin/v1/products/%d/stock", devSoap), `{"delta":90000,"reason":"for the rush"}`)
}

// rush sends the requests: of 100, 60 for a product, 25 for a list, 14 for the
// ranking, and an order.
func (p *program) rush(b *testing.B, c *http.Client) (orders int64) {
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
