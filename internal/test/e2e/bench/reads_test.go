package bench_test

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/limits"
)

// The shop for the reads.
const (
	readTime      = 2 * time.Second
	shownProducts = 10_000
	shownBrands   = 100
)

var sorts = []string{"latest", "price_asc", "price_desc", "likes_desc"}

// BenchmarkDetail reads random products: brand and stock come from the database, the rank
// from Redis, and each view has an event.
func BenchmarkDetail(b *testing.B) {
	s := openReadShop(b, shownProducts, shownBrands)
	s.rank(b)
	c := limits.NewClient(b, limits.Readers)
	for n := 1; n <= shownProducts; n++ {
		c.Save(b, s.url, fmt.Sprintf("/api/v1/products/%d", n))
	}
	s.checkDetails(b, c)
	s.compare(b, c, 0.85)
	s.reportViews(b)
}

// reading is a side that reads from a server. Beside its rate it knows the CPU time of this
// process, the client and the server, for each request. Other programs on the machine change
// that less than they change rates.
type reading struct {
	side

	cpu []float64 // in us, by round
}

func newReading(c *limits.Client, name, url string) *reading {
	r := &reading{}
	r.side = side{name, func(b *testing.B) float64 {
		b.Helper()
		before, begun := cpuTime(b), time.Now()
		rate, _ := c.Load(b, url, c.Paths, readTime)
		r.cpu = append(r.cpu, (cpuTime(b)-before).Seconds()/time.Since(begun).Seconds()/rate*1e6)
		return rate
	}}
	return r
}

// report reports the CPU time. The first round warmed up.
func (r *reading) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(spreadOf(r.cpu[1:]).median, "cpu-us/"+strings.ReplaceAll(r.name, " ", "-"))
}

// compare compares commerce-api with a bare server that writes the same bytes.
func (s *readShop) compare(b *testing.B, c *limits.Client, goal float64) {
	b.Helper()
	ours, bare := newReading(c, "commerce-api", s.url), newReading(c, "bare net/http", c.Bare(b))
	comparison{unit: "requests/s", goal: goal, ours: ours.side, baseline: bare.side}.run(b)
	ours.report(b)
	bare.report(b)
}

// checkDetails compares the answers with how the shop was filled.
func (s *readShop) checkDetails(b *testing.B, c *limits.Client) {
	b.Helper()
	for n := 1; n <= shownProducts; n++ {
		body := c.Want[fmt.Sprintf("/api/v1/products/%d", n)].Body
		for _, part := range []string{
			fmt.Sprintf(`"id":%d,`, n), fmt.Sprintf(`"name":"Product number %d"`, n), fmt.Sprintf(`"stock":%d,`, n%100),
			fmt.Sprintf(`"brand":{"id":%d,`, 1+n%shownBrands), fmt.Sprintf(`"rank":%d,`, shownProducts+1-n),
		} {
			if !bytes.Contains(body, []byte(part)) {
				b.Fatalf("product %d is %s, without %s", n, body, part)
			}
		}
	}
}

// reportViews reports how many views were sent and dropped: dropped ones cost less.
func (s *readShop) reportViews(b *testing.B) {
	b.Helper()
	families, err := s.env.Registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasSuffix(f.GetName(), "views_total") {
			continue
		}
		for _, m := range f.GetMetric() {
			b.ReportMetric(m.GetCounter().GetValue(), "views-"+m.GetLabel()[0].GetValue())
		}
	}
}

// BenchmarkList reads the first 20 products in each order, of all brands and of each one.
func BenchmarkList(b *testing.B) {
	s := openReadShop(b, shownProducts, shownBrands)
	c := limits.NewClient(b, limits.Readers)
	for _, sort := range sorts {
		for brand := range shownBrands + 1 { // 0: all
			c.Save(b, s.url, listPath(sort, brand))
		}
	}
	for path, answer := range c.Want {
		if n := bytes.Count(answer.Body, []byte(`"sku":`)); n != 20 {
			b.Fatalf("%s has %d products: %s", path, n, answer.Body)
		}
	}
	s.compare(b, c, 0.8)
}

func listPath(sort string, brand int) string {
	path := "/api/v1/products?sort=" + sort
	if brand != 0 {
		path += "&brandId=" + strconv.Itoa(brand)
	}
	return path
}

// rankingPages is how many pages of the ranking are read.
const rankingPages = 50

// BenchmarkRanking reads pages of today's ranking.
func BenchmarkRanking(b *testing.B) {
	s := openReadShop(b, shownProducts, shownBrands)
	s.rank(b)
	c := limits.NewClient(b, limits.Readers)
	c.Same = sameButTime
	for n := range rankingPages {
		c.Save(b, s.url, fmt.Sprintf("/api/v1/rankings?page=%d", n+1))
	}
	for path, answer := range c.Want {
		if n := bytes.Count(answer.Body, []byte(`"score":`)); n != 20 {
			b.Fatalf("%s has %d products: %s", path, n, answer.Body)
		}
	}
	s.compare(b, c, 0.85)
}

// sameButTime reports whether two rankings differ in nothing but the time when they were so.
func sameButTime(got, want []byte) bool {
	untimed := func(body []byte) (before, after []byte) {
		before, after, _ = bytes.Cut(body, []byte(`"asOf":"`))
		_, after, _ = bytes.Cut(after, []byte(`"`))
		return before, after
	}
	gotBefore, gotAfter := untimed(got)
	wantBefore, wantAfter := untimed(want)
	return bytes.Equal(gotBefore, wantBefore) && bytes.Equal(gotAfter, wantAfter)
}

// statements returns the statements of a script, with numbers in place of its parameters.
func statements(script string, numbers ...int) iter.Seq[string] {
	for i, n := range numbers {
		script = strings.ReplaceAll(script, "$"+strconv.Itoa(i+1), strconv.Itoa(n))
	}
	return strings.SplitSeq(script, ";")
}
