package catalog_test

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// fakeCache is a cache in memory. Nothing in it is ever invalidated.
type fakeCache struct {
	details map[int64]product.Versioned
	lists   map[string]page.Page[product.Versioned]
	err     error
}

func newFakeCache() *fakeCache {
	return &fakeCache{details: map[int64]product.Versioned{}, lists: map[string]page.Page[product.Versioned]{}}
}

func (c *fakeCache) Details(context.Context, []int64) (map[int64]product.Versioned, error) {
	return maps.Clone(c.details), c.err
}

func (c *fakeCache) KeepDetails(_ context.Context, all []product.Versioned) error {
	for _, v := range all {
		v.Stock, v.LikeCount = -1, -1 // numbers must not be used
		c.details[v.ID] = v
	}
	return c.err
}

func (c *fakeCache) List(_ context.Context, f product.FirstPage) (page.Page[product.Versioned], string, bool, error) {
	p, found := c.lists[f.Name()]
	return p, "generation", found && c.err == nil, c.err
}

func (c *fakeCache) KeepList(_ context.Context, f product.FirstPage, _ string, p page.Page[product.Versioned]) error {
	c.lists[f.Name()] = page.Map(p, func(v product.Versioned) product.Versioned {
		v.Stock, v.LikeCount = -1, -1
		return v
	})
	return c.err
}

// cachedShop is a shop whose catalog reads through a cache, and one that does not.
type cachedShop struct {
	*shoptest.Shop
	through *catalog.Service
	cache   *fakeCache
	behind  atomic.Bool
}

func onCachedShop(t *testing.T, test func(t *testing.T, s *cachedShop)) {
	t.Helper()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		c := &cachedShop{Shop: s, cache: newFakeCache()}
		c.through = catalog.New(s.DB, time.Now, catalog.WithCache(c.cache, c.behind.Load))
		test(s.T, c)
	})
}

// compare reads the products and a list with and without the cache.
func (s *cachedShop) compare(t *testing.T, ids ...int64) {
	t.Helper()
	got, err := s.through.Details(t.Context(), ids)
	want, _ := s.Catalog.Details(t.Context(), ids)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("details: %v\n%s", err, diff)
	}
	for _, sort := range []product.Sort{product.Latest, product.PriceAsc, product.PriceDesc, product.LikesDesc} {
		got, err := s.through.List(t.Context(), product.Query{Sort: sort}, 2, "")
		want, _ := s.Catalog.List(t.Context(), product.Query{Sort: sort}, 2, "")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("list %s: %v\n%s", sort, err, diff)
		}
	}
}

// counts returns what the cache was good for.
func (s *cachedShop) count(what string) int64 { return s.through.CacheCounts()[what]() }

func TestACatalogWithACacheAnswersAsOneWithout(t *testing.T) {
	t.Parallel()
	onCachedShop(t, func(t *testing.T, s *cachedShop) {
		t.Helper()
		mug, cup, pot := s.Product(t, 100, 7), s.Product(t, 200, 0), s.Product(t, 300, 1)
		for range 2 {
			s.compare(t, mug, cup, pot, 999)
		}
		if hits := [2]int64{s.count("product hit"), s.count("list hit")}; hits != [2]int64{3, 3} {
			t.Errorf("hits %v: lists by likes are not kept, all others are", hits)
		}
		price, name := product.MaxPrice, "Big mug"
		s.Hide(t, pot)
		if _, err := s.Catalog.ChangeProduct(t.Context(), mug, catalog.Edit{Price: &price, Name: &name}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Catalog.AdjustStock(t.Context(), cup, product.Adjustment{Delta: 5, Note: "x"}, store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		s.compare(t, mug, cup, pot, 999) // nobody has invalidated anything
		if s.count("product stale") != 2 || s.count("list stale") != 3 {
			t.Errorf("stale: %d products, %d lists", s.count("product stale"), s.count("list stale"))
		}
		s.compare(t, mug, cup, pot, 999)
	})
}

func TestWithoutItsCacheACatalogAnswersFromTheDatabase(t *testing.T) {
	t.Parallel()
	onCachedShop(t, func(t *testing.T, s *cachedShop) {
		t.Helper()
		mug := s.Product(t, 100, 7)
		s.compare(t, mug)
		s.cache.err = errors.New("away")
		clear(s.cache.details)
		s.compare(t, mug)
	})
}

// The list in the cache lacks a product that this process has just added.
func TestWhileTheCacheIsBehindListsAreNotReadFromIt(t *testing.T) {
	t.Parallel()
	onCachedShop(t, func(t *testing.T, s *cachedShop) {
		t.Helper()
		mug := s.Product(t, 100, 7)
		s.compare(t, mug)
		s.behind.Store(true)
		cup := s.Product(t, 100, 7)
		s.compare(t, mug, cup)
	})
}

func TestACursorIsNotReadFromTheCache(t *testing.T) {
	t.Parallel()
	onCachedShop(t, func(t *testing.T, s *cachedShop) {
		t.Helper()
		s.Product(t, 100, 7)
		s.Product(t, 100, 7)
		first, err := s.through.List(t.Context(), product.Query{Sort: product.Latest}, 1, "")
		if err != nil {
			t.Fatal(err)
		}
		second, err := s.through.List(t.Context(), product.Query{Sort: product.Latest}, 1, first.Next)
		if err != nil || len(second.Items) != 1 || second.Items[0].ID == first.Items[0].ID || second.Next != "" {
			t.Errorf("%+v, %v", second, err)
		}
		if _, err := s.through.List(t.Context(), product.Query{Sort: product.Latest}, 1, "x"); !errors.Is(err, page.ErrCursor) {
			t.Error(err)
		}
	})
}
