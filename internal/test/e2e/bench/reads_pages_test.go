package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/limits"
)

// The shop for the pages. One brand has all products, so that its index is as long as that
// of the shop.
const (
	pagedProducts = 1_000_000
	pageSize      = 20
	farPage       = 1_000
	pageTime      = 500 * time.Millisecond // of a round, of which there are 16
	pageGoal      = 0.8
)

// BenchmarkPages reads page 1 and page 1,000 of a million products, in each order, with and
// without the brand.
func BenchmarkPages(b *testing.B) {
	begun := time.Now()
	s := openReadShop(b, pagedProducts, 1)
	setUp := time.Since(begun)
	c := limits.NewClient(b, limits.Readers)
	for b.Loop() {
		rows := [][]string{{"", "page 1", "page 1,000", "page 1", "page 1,000", "ratio", "least", "most", fmt.Sprintf("goal %.2f", pageGoal)}}
		least := 1e9
		for _, sort := range sorts {
			for brand := range 2 {
				p := s.pages(b, c, sort, brand)
				ratio := p.measure(b, c, s.url)
				least = min(least, ratio)
				rows = append(rows, p.row())
			}
		}
		table(b, rows)
		b.ReportMetric(least, "ratio")
		b.ReportMetric(setUp.Seconds(), "s-to-set-up")
		b.ReportMetric(0, "ns/op") // a round is not an operation
	}
}

// pagePair is a list with its first page and one far behind it.
type pagePair struct {
	name      string
	near, far string // paths
	rates     [2][]float64
	took      [2][]float64 // ms
	ratios    []float64
}

// pages reads the pages up to the far one, and compares it with a query.
func (s *readShop) pages(b *testing.B, c *limits.Client, sort string, brand int) *pagePair {
	b.Helper()
	path := listPath(sort, brand)
	p := &pagePair{name: sort, near: path}
	if brand != 0 {
		p.name += " of the brand"
	}
	cursor := ""
	for left := (farPage - 1) * pageSize; left > 0; {
		step := min(left, 100)
		cursor = next(b, c, s.url+path+fmt.Sprintf("&size=%d", step)+cursor)
		left -= step
	}
	p.far = path + cursor
	c.Save(b, s.url, p.near, p.far)
	s.checkPage(b, c, sort, p.near, 0)
	s.checkPage(b, c, sort, p.far, (farPage-1)*pageSize)
	return p
}

// shownPage is the part of a page that is read.
type shownPage struct {
	Items []struct{ ID int64 }
	Page  struct{ NextCursor string }
}

// next reads a page and returns the parameter for the one after it.
func next(b *testing.B, c *limits.Client, url string) string {
	b.Helper()
	var body bytes.Buffer
	c.Get(b, url, &body)
	return "&cursor=" + pageIn(b, body.Bytes()).Page.NextCursor
}

func pageIn(b *testing.B, body []byte) (p shownPage) {
	b.Helper()
	if err := json.Unmarshal(body, &p); err != nil || p.Page.NextCursor == "" {
		b.Fatalf("%s is not a page with another one after it: %v", body, err)
	}
	return p
}

func (s *readShop) checkPage(b *testing.B, c *limits.Client, sort, path string, offset int) {
	b.Helper()
	order := map[string]string{
		"latest": "id DESC", "price_asc": "price, id", "price_desc": "price DESC, id DESC", "likes_desc": "like_count DESC, id DESC",
	}[sort]
	var want, got []int64
	query := fmt.Sprintf("SELECT array_agg(id) FROM (SELECT id FROM products JOIN product_likes l ON l.product_id = id ORDER BY %s LIMIT %d OFFSET %d) p", order, pageSize, offset)
	if err := s.admin.QueryRow(b.Context(), query).Scan(&want); err != nil {
		b.Fatal(err)
	}
	for _, item := range pageIn(b, c.Want[path].Body).Items {
		got = append(got, item.ID)
	}
	if !slices.Equal(got, want) {
		b.Fatalf("%s has the products %v, want %v", path, got, want)
	}
}

// measure reads the two pages in turn. It returns the median ratio of the far page's rate
// to that of the first one.
func (p *pagePair) measure(b *testing.B, c *limits.Client, url string) float64 {
	b.Helper()
	c.Load(b, url, []string{p.near, p.far}, pageTime) // to warm up
	for range *rounds {
		near, nearTook := c.Load(b, url, []string{p.near}, pageTime)
		far, farTook := c.Load(b, url, []string{p.far}, pageTime)
		p.rates[0], p.rates[1] = append(p.rates[0], near), append(p.rates[1], far)
		p.took[0], p.took[1] = append(p.took[0], milliseconds(nearTook)), append(p.took[1], milliseconds(farTook))
		p.ratios = append(p.ratios, far/near)
	}
	return spreadOf(p.ratios).median
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }

// row returns what was measured: requests per second, median times, and the ratio.
func (p *pagePair) row() []string {
	ratio := spreadOf(p.ratios)
	verdict := "met"
	if ratio.median < pageGoal {
		verdict = "MISSED"
	}
	row := []string{p.name}
	for _, rates := range p.rates {
		row = append(row, fmt.Sprintf("%.0f/s", spreadOf(rates).median))
	}
	for _, took := range p.took {
		row = append(row, fmt.Sprintf("%.2f ms", spreadOf(took).median))
	}
	return append(row, fmt.Sprintf("%.2f", ratio.median), fmt.Sprintf("%.2f", ratio.least), fmt.Sprintf("%.2f", ratio.most), verdict)
}
