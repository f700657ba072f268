package bench_test

import (
	"bytes"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"testing"
)

// What the shop of the reads has to show.
const (
	shownProducts = 10_000
	shownBrands   = 100
)

var sorts = []string{"latest", "price_asc", "price_desc", "likes_desc"}

// BenchmarkDetail asks for products at random: with brand and stock from the
// database, the rank from the board, and an event for each view.
func BenchmarkDetail(b *testing.B) {
	s := openReadShop(b, shownProducts, shownBrands)
	s.rank(b)
	c := newClient(b)
	for n := 1; n <= shownProducts; n++ {
		c.learn(b, s.url, fmt.Sprintf("/api/v1/products/%d", n))
	}
	s.checkDetails(b, c)
	contest{unit: "requests/s", goal: 0.3, ours: c.against("commerce-api", s.url), limit: c.bare(b)}.hold(b)
	s.tellViews(b)
}

// checkDetails has the program's answers agree with how the shop was filled.
func (s *readShop) checkDetails(b *testing.B, c *client) {
	b.Helper()
	for n := 1; n <= shownProducts; n++ {
		body := c.want[fmt.Sprintf("/api/v1/products/%d", n)].body
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

// tellViews says what became of the views: those that are dropped cost less.
func (s *readShop) tellViews(b *testing.B) {
	b.Helper()
	families, err := s.world.Registry.Gather()
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

// BenchmarkList asks for the first 20 products in each order, of all brands and
// of each.
func BenchmarkList(b *testing.B) {
	s := openReadShop(b, shownProducts, shownBrands)
	c := newClient(b)
	for _, sort := range sorts {
		for brand := range shownBrands + 1 { // 0 is all
			c.learn(b, s.url, listPath(sort, brand))
		}
	}
	for path, answer := range c.want {
		if n := bytes.Count(answer.body, []byte(`"sku":`)); n != 20 {
			b.Fatalf("%s has %d products: %s", path, n, answer.body)
		}
	}
	contest{unit: "requests/s", goal: 0.2, ours: c.against("commerce-api", s.url), limit: c.bare(b)}.hold(b)
}

func listPath(sort string, brand int) string {
	path := "/api/v1/products?sort=" + sort
	if brand != 0 {
		path += "&brandId=" + strconv.Itoa(brand)
	}
	return path
}

// statements are those of a script, with numbers in place of its parameters.
func statements(script string, numbers ...int) iter.Seq[string] {
	for i, n := range numbers {
		script = strings.ReplaceAll(script, "$"+strconv.Itoa(i+1), strconv.Itoa(n))
	}
	return strings.SplitSeq(script, ";")
}
