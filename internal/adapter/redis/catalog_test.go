package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func cacheOf(b redistest.Board) *redis.Catalog {
	return redis.NewCatalog(b.Caller, b.Prefix, ids(), func() float64 { return 0.5 })
}

// Two lists. Nobody writes to them.
var (
	latest = product.FirstPage{Query: product.Query{Sort: product.Latest}, Size: 20}
	least  = money.Won(5)
	mugs   = product.FirstPage{Query: product.Query{Sort: product.PriceAsc, BrandID: 3, Text: "머그", MinPrice: &least}, Size: 10}
)

func ids() id.Source { return storetest.Complete(sqlstore.Options{}).IDs }

// mug is a product whose numbers are 0, as those of what is kept.
func mug(pid int64) product.Versioned {
	p := product.Product{
		ID: pid, SKU: "85123A", BrandID: 3, Name: "Mug <b>머그</b>", Description: "It holds\ncoffee.", Price: 12_000, Status: product.OnSale,
		CreatedAt: time.Date(2026, 3, 1, 0, 0, 0, 123456000, time.UTC),
	}
	return product.Versioned{Listing: product.Listing{Product: p, BrandName: "Loopers"}, Version: 7}
}

// What is kept is read back as it was: a hit of each kind.
func TestWhatIsKeptIsReadBack(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t, c := b.T, cacheOf(b)
		numbered := mug(17)
		numbered.Stock, numbered.LikeCount = 5, 6 // which are not kept
		if err := c.KeepDetails(t.Context(), []product.Versioned{numbered, mug(18)}); err != nil {
			t.Fatal(err)
		}
		got, err := c.Details(t.Context(), []int64{17, 99, 18})
		if diff := cmp.Diff(map[int64]product.Versioned{17: mug(17), 18: mug(18)}, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		want := page.Page[product.Versioned]{Items: []product.Versioned{mug(3), mug(2)}, Next: "cursor"}
		_, generation, found, err := c.List(t.Context(), latest)
		if found || generation == "" || err != nil {
			t.Fatalf("a list that nobody has kept: %t, generation %q, %v", found, generation, err)
		}
		if err := c.KeepList(t.Context(), latest, generation, want); err != nil {
			t.Fatal(err)
		}
		list, again, found, err := c.List(t.Context(), latest)
		if diff := cmp.Diff(want, list); diff != "" || !found || again != generation || err != nil {
			t.Errorf("%t, generation %q after %q, %v\n%s", found, again, generation, err, diff)
		}
	})
}

func TestInvalidationDropsProductsAndAllLists(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t, c := b.T, cacheOf(b)
		_ = c.KeepDetails(t.Context(), []product.Versioned{mug(17), mug(18)})
		_, before, _, _ := c.List(t.Context(), latest)
		_ = c.KeepList(t.Context(), latest, before, page.Page[product.Versioned]{Items: []product.Versioned{mug(1)}})
		if err := c.Invalidate(t.Context(), []int64{17}); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Details(t.Context(), []int64{17, 18}); len(got) != 1 || got[18].ID != 18 || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		_, after, found, err := c.List(t.Context(), latest)
		if found || after == before || err != nil {
			t.Errorf("a list of before: %t, generation %q after %q, %v", found, after, before, err)
		}
		_ = c.KeepList(t.Context(), latest, before, page.Page[product.Versioned]{Items: []product.Versioned{mug(2)}}) // by a slow reader
		if _, _, found, _ := c.List(t.Context(), latest); found {
			t.Error("a list that was read before the invalidation is kept after it")
		}
	})
}

// Redis may lose the key of the generation. Then no list of an earlier one comes back.
func TestALostGenerationIsANewOne(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t, c := b.T, cacheOf(b)
		_, before, _, _ := c.List(t.Context(), latest)
		_ = c.KeepList(t.Context(), latest, before, page.Page[product.Versioned]{})
		if err := b.Client.Del(t.Context(), b.Prefix+"product:list:generation").Err(); err != nil {
			t.Fatal(err)
		}
		if _, after, found, err := c.List(t.Context(), latest); found || after == before || after == "" || err != nil {
			t.Errorf("%t, %q after %q, %v", found, after, before, err)
		}
	})
}

// Programs of other versions, or people, may have written anything.
func TestWhatCannotBeReadIsAMiss(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	c := cacheOf(b)
	_ = c.KeepDetails(t.Context(), []product.Versioned{mug(17)})
	good := b.Client.Get(t.Context(), b.Prefix+"product:detail:17").Val()
	_, generation, _, _ := c.List(t.Context(), mugs)
	for name, text := range map[string]string{
		"nothing": "", "no JSON": "{", "another encoding": strings.Replace(good, `"v":2`, `"v":3`, 1), "no encoding": strings.Replace(good, `"v":2,`, ``, 1),
		"another product": strings.Replace(good, `"id":17`, `"id":18`, 1), "no name": strings.Replace(good, `"name":"Mug`, `"x":"Mug`, 1),
		"no version": strings.Replace(good, `"version":7`, `"version":0`, 1), "another type": `{"v":2,"product":[]}`, "null": "null",
		"an unknown status": strings.Replace(good, `ON_SALE`, `SOLD_OUT`, 1),
	} {
		if text == good {
			t.Errorf("%s: the entry was not changed: %s", name, good)
		}
		for _, key := range []string{"product:detail:17", "product:list:" + generation + ":" + mugs.Name()} {
			if err := b.Client.Set(t.Context(), b.Prefix+key, text, 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := c.Details(t.Context(), []int64{17}); len(got) != 0 || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if _, _, found, err := c.List(t.Context(), mugs); found || err != nil {
			t.Errorf("%s as a list: %t, %v", name, found, err)
		}
	}
}

func TestEntriesExpire(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	c := cacheOf(b)
	_, generation, _, _ := c.List(t.Context(), mugs)
	_ = c.KeepDetails(t.Context(), []product.Versioned{mug(17)})
	_ = c.KeepList(t.Context(), mugs, generation, page.Page[product.Versioned]{})
	for key, want := range map[string]time.Duration{
		"product:detail:17": 9*time.Minute + 30*time.Second, fmt.Sprintf("product:list:%s:%s", generation, mugs.Name()): 4*time.Minute + 45*time.Second,
	} {
		if got := b.Server.TTL(b.Prefix + key); got != want {
			t.Errorf("%s expires after %v, want %v", key, got, want)
		}
	}
}

func TestWithoutRedisTheCacheSaysSo(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	c := cacheOf(b)
	b.Server.Close()
	_, err := c.Details(t.Context(), []int64{17})
	_, generation, found, listErr := c.List(t.Context(), mugs)
	for _, err := range []error{
		err, listErr, c.KeepDetails(t.Context(), []product.Versioned{mug(17)}),
		c.KeepList(t.Context(), mugs, "g", page.Page[product.Versioned]{}), c.Invalidate(t.Context(), []int64{17}),
	} {
		if !errors.Is(err, redis.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	}
	if found || generation != "" {
		t.Errorf("%t, generation %q", found, generation)
	}
}

// Whoever checks the cache sees what readers may use, and nothing of another shop.
func TestAllThatReadersMayUseIsVisited(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t, c := b.T, cacheOf(b)
		b.Prefix += "[x]*?"
		odd := cacheOf(b)
		_ = c.KeepDetails(t.Context(), []product.Versioned{mug(16)}) // of another shop
		_ = odd.KeepDetails(t.Context(), []product.Versioned{mug(17), mug(18)})
		_ = b.Client.Set(t.Context(), b.Prefix+"product:detail:19", `{"v":1}`, 0).Err()
		_, old, _, _ := odd.List(t.Context(), latest)
		_ = odd.KeepList(t.Context(), latest, old, page.Page[product.Versioned]{Items: []product.Versioned{mug(1)}})
		_ = odd.Invalidate(t.Context(), nil)
		_, generation, _, _ := odd.List(t.Context(), mugs)
		_ = odd.KeepList(t.Context(), mugs, generation, page.Page[product.Versioned]{Items: []product.Versioned{mug(2)}})
		seen := map[string]int{}
		unusedDetails, err := odd.EachDetail(t.Context(), func(all []product.Versioned) error {
			for _, v := range all {
				seen[fmt.Sprint(v.ID)]++
			}
			return nil
		})
		unusedLists, listErr := odd.EachList(t.Context(), func(f product.FirstPage, p page.Page[product.Versioned]) error {
			seen[fmt.Sprintf("%s with %d", f.Name(), p.Items[0].ID)]++
			return nil
		})
		want := map[string]int{"17": 1, "18": 1, mugs.Name() + " with 2": 1}
		if diff := cmp.Diff(want, seen); diff != "" || unusedDetails != 1 || unusedLists != 1 || err != nil || listErr != nil {
			t.Errorf("%d products and %d lists are not used, %v, %v\n%s", unusedDetails, unusedLists, err, listErr, diff)
		}
	})
}
