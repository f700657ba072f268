package bench_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// BenchmarkFootprint prints how much memory commerce-api takes: at rest, after orders, and
// with a full near cache; and how long `commerce migrate` takes to add the names of products.
func BenchmarkFootprint(b *testing.B) {
	const products = 200_000
	s := openCrowdShop(b)
	rest := resident(b, s.cmd.Process.Pid)
	s.buyBeside(b, nil)
	ordered := resident(b, s.cmd.Process.Pid)
	s.count(b, products, nil)
	commerce := build(b, b.TempDir(), "../../../../cmd/commerce")
	began := time.Now()
	if out, err := exec.CommandContext(b.Context(), commerce, "migrate", "--database-url", s.orderShop.address).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	fmt.Printf("names of %d products: %.3f ms each\n", products, time.Since(began).Seconds()*1e3/products)
	guns := s.guns(b, 8)
	defer closeAll(guns)
	var all sync.WaitGroup
	for i, g := range guns {
		all.Go(func() {
			for pid := i + 1; pid <= products && time.Since(began) < time.Minute; pid += len(guns) {
				if status, err := g.get(fmt.Sprintf("/api/v1/products/%d", pid)); err != nil || status != http.StatusOK {
					b.Errorf("%d, %v", status, err)
					return
				}
			}
		})
	}
	all.Wait()
	fmt.Printf("commerce-api: %s at rest, %s after orders, %s after %d details\n", rest, ordered, resident(b, s.cmd.Process.Pid), products)
	b.ReportMetric(0, "ns/op")
}

// resident says how much memory a process has.
func resident(b *testing.B, pid int) string {
	b.Helper()
	now, most := memory(b, pid)
	return fmt.Sprintf("%d MiB (at most %d)", now, most)
}
