package verify_test

import (
	"context"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// keptCache has products and a list.
type keptCache struct {
	details []product.Versioned
	of      product.FirstPage
	page    page.Page[product.Versioned]
	visits  int
	mend    func(*keptCache) // called at the second visit
}

// EachDetail implements verify.Cache.
func (c *keptCache) EachDetail(_ context.Context, visit func([]product.Versioned) error) (int64, error) {
	c.visits++
	if c.visits == 2 && c.mend != nil {
		c.mend(c)
	}
	return 2, visit(c.details)
}

// EachList implements verify.Cache.
func (c *keptCache) EachList(_ context.Context, visit func(product.FirstPage, page.Page[product.Versioned]) error) (int64, error) {
	return 3, visit(c.of, c.page)
}

// filled returns a cache with all that a shop has.
func filled(t *testing.T, s *shoptest.Shop, ids ...int64) *keptCache {
	t.Helper()
	c := &keptCache{of: product.FirstPage{Query: product.Query{Sort: product.PriceAsc}, Size: 2}}
	err := s.DB.View(t.Context(), func(tx store.Tx) (err error) {
		c.details, err = tx.Cached.Whole(t.Context(), ids)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Catalog.List(t.Context(), c.of.Query, c.of.Size, "")
	if err != nil {
		t.Fatal(err)
	}
	c.page = page.Map(list, func(l product.Listing) product.Versioned { return product.Versioned{Listing: l, Version: 1} })
	return c
}

// Each value that a reader may get from the cache and that is not that of the database is
// found; what no reader uses is counted.
func TestEachLieOfACacheIsFound(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		ids := []int64{s.Product(t, 100, 7), s.Product(t, 200, 0), s.Product(t, 300, 1)}
		type lies struct {
			found            []string // what of which is wrong
			compared, unused int64
		}
		for name, c := range map[string]struct {
			lie  func(*keptCache)
			want lies
		}{
			"none":             {func(*keptCache) {}, lies{nil, 4, 5}},
			"a price":          {func(c *keptCache) { c.details[0].Price++ }, lies{[]string{"price"}, 4, 5}},
			"a name":           {func(c *keptCache) { c.details[1].Name += "x" }, lies{[]string{"name"}, 4, 5}},
			"a status":         {func(c *keptCache) { c.details[1].Status = product.Hidden }, lies{[]string{"status"}, 4, 5}},
			"a brand":          {func(c *keptCache) { c.details[1].BrandName += "x" }, lies{[]string{"brand"}, 4, 5}},
			"a description":    {func(c *keptCache) { c.details[1].Description += "x" }, lies{[]string{"description"}, 4, 5}},
			"numbers":          {func(c *keptCache) { c.details[0].Stock, c.details[0].LikeCount = -1, -1 }, lies{nil, 4, 5}},
			"another version":  {func(c *keptCache) { c.details[0].Version, c.details[0].Price = 7, 1 }, lies{nil, 3, 6}},
			"no such product":  {func(c *keptCache) { c.details[0].ID = 999 }, lies{nil, 3, 6}},
			"a list":           {func(c *keptCache) { c.page.Items = c.page.Items[1:] }, lies{[]string{"products"}, 4, 5}},
			"its order":        {func(c *keptCache) { i := c.page.Items; i[0], i[1] = i[1], i[0] }, lies{[]string{"products"}, 4, 5}},
			"its end":          {func(c *keptCache) { c.page.Next = "" }, lies{[]string{"next page"}, 4, 5}},
			"a price on it":    {func(c *keptCache) { c.page.Items[1].Price++ }, lies{[]string{"price"}, 4, 5}},
			"an old list":      {func(c *keptCache) { c.page.Items[1].Version++; c.page.Items[0].Price++ }, lies{nil, 3, 6}},
			"an empty list":    {func(c *keptCache) { c.page.Items, c.page.Next = nil, "" }, lies{[]string{"products", "next page"}, 4, 5}},
			"until it settles": {func(c *keptCache) { c.details[0].Price++; c.mend = func(c *keptCache) { c.details[0].Price-- } }, lies{nil, 4, 5}},
		} {
			kept := filled(t, s, ids...)
			c.lie(kept)
			wait := time.Duration(0)
			if kept.mend != nil {
				wait = time.Minute
			}
			r, err := verify.New(s.DB).Cached(t.Context(), kept, wait, func(int64) {})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got := lies{nil, r.Compared, r.Unused}
			for _, d := range r.Texts {
				got.found = append(got.found, d.What)
			}
			if diff := gocmp.Diff(c.want, got, gocmp.AllowUnexported(lies{})); diff != "" || r.Right() != (c.want.found == nil) {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
}
