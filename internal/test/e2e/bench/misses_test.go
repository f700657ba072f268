package bench_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/limits"
)

// No cache has what is read here: every product is read once, and no two lists are the same.
const (
	missConnections = 200
	missProducts    = 1_000_000
	missBrands      = 1_000
	missTime        = 10 * time.Second
	detailRate      = 1_500 // a second, however long the requests before take
	listRate        = 250
	missGoal        = 10 * time.Millisecond // p99
)

// fillNames gives the products of a shop names of some words, from those of every 20th
// product to one of a single product.
var fillNames = strings.Replace(fillShop, "'Product number ' || n", `concat_ws(' ',
	(ARRAY['유기농','신선한','저지방','고단백','프리미엄','수제','전통','국내산','친환경','대용량','Red','Blue','Linen','Cotton','Steel','Organic','Classic','Mini','Grosse','Soft'])[1 + abs(hashint8extended(n, 1) % 20)],
	(ARRAY['우유','두유','요구르트','치즈','버터','빵','쌀','라면','김치','된장','고추장','사과','바나나','커피','녹차','shirt','socks','cup','lamp','bottle','bag','shoes','chair','desk','mouse','keyboard','phone case','cable','charger','notebook','pencil','eraser','tee','blanket','pillow','towel','soap','shampoo','toothbrush','spoon'])[1 + abs(hashint8extended(n, 2) % 40)],
	lpad(to_hex(n * 2654435761 % 4294967296), 8, '0'))`, 1)

// BenchmarkMisses reads a large shop by 200 connections: at a constant rate, and as fast as
// the answers come.
func BenchmarkMisses(b *testing.B) {
	begun := time.Now()
	s := openFilledShop(b, fillNames, missProducts, missBrands)
	b.ReportMetric(time.Since(begun).Seconds(), "s-to-set-up")
	all := []*misses{
		{name: "details", rate: detailRate, next: details()},
		{name: "lists", rate: listRate, next: lists(func(*rand.Rand) string { return "" })},
		{name: "lists with prices", rate: listRate, next: lists(prices)},
		{name: "searches", rate: listRate, next: lists(search)},
	}
	for b.Loop() {
		rows := [][]string{{"", "a second", "p50 ms", "p99 ms", "p99.9 ms", "", "as fast as it goes", "p50 ms", "p99 ms"}}
		for _, m := range all {
			rows = append(rows, m.measure(b, s))
		}
		table(b, rows)
		b.ReportMetric(0, "ns/op") // a round is not an operation
	}
}

// misses is a kind of requests, none of which is sent twice. next returns a path, and what its
// answer has.
type misses struct {
	name string
	rate int
	next func() (path, has string)
}

// details returns every product once, in a random order.
func details() func() (path, has string) {
	ids, i := rand.Perm(missProducts), -1
	return func() (string, string) {
		i++
		return fmt.Sprintf("/api/v1/products/%d", ids[i%missProducts]+1), fmt.Sprintf(`"id":%d,`, ids[i%missProducts]+1)
	}
}

// lists returns lists in every order, half of them of a brand, with a filter. The size of the
// page and a price below all others make each a list that nobody has asked for.
func lists(filter func(r *rand.Rand) string) func() (path, has string) {
	r, n := rand.New(rand.NewPCG(1, 2)), 0
	return func() (string, string) {
		brand, has := n/4%2*(1+n%missBrands), `"items":[`
		if brand == 0 {
			has += "{" // at least one
		}
		path := listPath(sorts[n%len(sorts)], brand) + filter(r)
		n++
		if !strings.Contains(path, "minPrice") {
			path += fmt.Sprintf("&minPrice=%d", n%900)
		}
		return path + fmt.Sprintf("&size=%d", 10+n/900%20), has
	}
}

// prices is a range of prices: half of them are narrow.
func prices(r *rand.Rand) string {
	from := 1_000 + r.IntN(90_000)*10
	return fmt.Sprintf("&minPrice=%d&maxPrice=%d", from, from+[]int{2_000, 200_000}[r.IntN(2)])
}

// search is a text that many products have, or some, or few.
func search(r *rand.Rand) string {
	texts := []string{"유기농", "우유", "유", "shirt", "Linen%20shirt", "수제%20김치", "phone", "ee", "ff", "abc", "1f0"}
	return "&q=" + texts[r.IntN(len(texts))]
}

// measure reads at a constant rate and then as fast as possible.
func (m *misses) measure(b *testing.B, s *readShop) []string {
	b.Helper()
	c := limits.NewClient(b, missConnections)
	m.read(b, s, c, missConnections, 0) // opens the connections
	open := m.read(b, s, c, m.rate*int(missTime/time.Second), m.rate)
	begun := time.Now()
	n := m.rate * int(missTime/time.Second) / 2
	closed := m.read(b, s, c, n, 0)
	perSecond := float64(n) / time.Since(begun).Seconds()
	at := func(took []time.Duration, permille int) string {
		return fmt.Sprintf("%.2f", milliseconds(took[min(len(took)-1, len(took)*permille/1000)]))
	}
	p99 := milliseconds(open[len(open)*99/100])
	b.ReportMetric(p99, strings.ReplaceAll(m.name, " ", "-")+"-p99-ms")
	return []string{
		m.name, fmt.Sprint(m.rate), at(open, 500), at(open, 990), at(open, 999), verdict(p99, milliseconds(missGoal)),
		fmt.Sprintf("%.0f/s", perSecond), at(closed, 500), at(closed, 990),
	}
}

// read sends n requests, each when it is due, and returns how long after that the answers
// were there, sorted. A rate of 0 has a request due when its connection is free.
func (m *misses) read(b *testing.B, s *readShop, c *limits.Client, n, rate int) []time.Duration {
	b.Helper()
	paths, has := make([]string, n), make([]string, n)
	for i := range paths {
		paths[i], has[i] = m.next()
	}
	took := make([]time.Duration, n)
	var all sync.WaitGroup
	begun := time.Now()
	for first := range missConnections {
		all.Go(func() {
			var body bytes.Buffer
			for i := first; i < n; i += missConnections {
				due := time.Now()
				if rate > 0 {
					due = begun.Add(time.Duration(i) * time.Second / time.Duration(rate))
					time.Sleep(time.Until(due))
				}
				status, _ := c.Get(b, s.url+paths[i], &body)
				if took[i] = time.Since(due); status != http.StatusOK || !bytes.Contains(body.Bytes(), []byte(has[i])) {
					b.Errorf("%s is answered by %d %s, without %s", paths[i], status, &body, has[i])
					return
				}
			}
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	slices.Sort(took)
	return took
}
