package conformance

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

func searchTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a list with any filters has what a look at every product finds": searchesAlike,
		"a part of a name is found as people write it":                   partsFound,
		"a product is found by its new name only":                        renamedFound,
		"a hidden product leaves the list by likes, and comes back":      hiddenByLikes,
		"a page by likes is whole and in order while likes come":         stormOfLikes,
	}
}

// named adds products with names, in one brand.
func (s *shop) named(names ...string) (ids []int64) {
	s.Helper()
	b := s.brand()
	for _, name := range names {
		p := s.add(product.Product{BrandID: b.ID, Name: name, Price: 100, Status: product.OnSale, CreatedAt: noon()}, 1)
		ids = append(ids, p.ID)
	}
	return ids
}

// finds returns the ids of the products with a text in their name.
func (s *shop) finds(q string) (ids []int64) {
	s.Helper()
	for _, l := range s.list(product.Query{Sort: product.PriceAsc, Text: q}, 100) {
		if l.Name != filler {
			ids = append(ids, l.ID)
		}
	}
	return ids
}

// filler is the name of products that come first, so that the others are looked up in the
// index of names.
const filler = "~"

func (s *shop) fillers() { s.named(filler, filler, filler, filler) }

func partsFound(s *shop) {
	s.fillers()
	ids := s.named("유기농 우유 1L", "두유", "Große Tasse", "ΟΔΟΣ tee", "İstanbul bag", "Cafe\u0301 %_\\ 🥛", "\u1112\u1161\u11ab\u1100\u1173\u11af\u00a0머그컵 👨\u200d👩")
	for q, want := range map[string][]int{
		"우유": {0}, "유": {0, 1}, "유기농 우": {0}, "농 우유": {0}, "\u110b\u116e\u110b\u1172": {0}, "기유": nil, "1l": {0},
		"GROSSE": {2}, "große t": {2}, "ß": {2}, "οδος": {3}, "ΣTEE": nil, "Σ TEE": {3},
		"istanbul": {4}, "ISTANBUL": {4}, "ıst": {4}, "é": {5}, "CAFÉ": {5}, "%_\\": {5}, "🥛": {5}, "%": {5}, "_u": nil, `\`: {5},
		"한글 머": {6}, "\u1112\u1161\u11ab\u1100\u1173\u11af \u1106\u1165": {6}, "한글\u3000\u00a0머그": {6}, "👨👩": {6}, "👨\u200d👩": {6}, "한글\u200b": {6},
		"no such thing": nil, " 우유 ": {0}, "\u200e두유": {1}, "  ": {0, 1, 2, 3, 4, 5, 6}, "\x00": {0, 1, 2, 3, 4, 5, 6},
	} {
		var all []int64
		for _, i := range want {
			all = append(all, ids[i])
		}
		if got := s.finds(q); !slices.Equal(got, all) {
			s.Errorf("%q finds %d, want %d of %d", q, got, all, ids)
		}
	}
}

func renamedFound(s *shop) {
	s.fillers()
	ids := s.named("Red cup", "Blue cup")
	s.update(func(ctx context.Context, tx store.Tx) error {
		p, err := tx.Products.Lock(ctx, ids[0])
		p.Name = "Grüner Becher"
		tx.Products.Save(p)
		return err
	})
	s.equal([]int64(nil), s.finds("red"))
	s.equal(ids[:1], s.finds("BECHER"))
	s.equal(ids[1:], s.finds("cup"))
	s.update(func(ctx context.Context, tx store.Tx) error { // the name is still the same when it is folded
		p, err := tx.Products.Lock(ctx, ids[0])
		p.Name = "GRÜNER BECHER"
		tx.Products.Save(p)
		return err
	})
	s.equal(ids[:1], s.finds("grüner"))
}

func hiddenByLikes(s *shop) {
	ids := s.named("Red cup", "Blue cup")
	s.queue(func(tx store.Tx) { tx.Likes.AddCounts(map[int64]int64{ids[0]: 2, ids[1]: 1}) })
	other := s.brand()
	save := func(change func(*product.Product)) {
		s.update(func(ctx context.Context, tx store.Tx) error {
			p, err := tx.Products.Lock(ctx, ids[0])
			change(&p)
			tx.Products.Save(p)
			return err
		})
	}
	most := func(q product.Query) (found []int64) {
		q.Sort = product.LikesDesc
		for _, l := range s.list(q, 10) {
			found = append(found, l.ID)
		}
		return found
	}
	s.equal(ids, most(product.Query{}))
	save(func(p *product.Product) { p.Status = product.Hidden })
	s.equal(ids[1:], most(product.Query{}))
	save(func(p *product.Product) { p.Status, p.BrandID = product.OnSale, other.ID })
	s.equal(ids, most(product.Query{}))
	s.equal(ids[:1], most(product.Query{BrandID: other.ID}))
}

func stormOfLikes(s *shop) {
	var names []string
	for i := range 24 {
		names = append(names, []string{"Cup", "Pot"}[i%2])
	}
	ids := s.named(names...)
	ctx, stop := context.WithCancel(s.Context())
	var storm sync.WaitGroup
	for i := range 2 {
		storm.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				delta := map[int64]int64{ids[n*7%24]: 3, ids[n*5%24]: -2}
				if err := s.db.Update(ctx, func(tx store.Tx) error { tx.Likes.AddCounts(delta); return nil }); err != nil && ctx.Err() == nil {
					s.Error(err)
				}
			}
		})
	}
	for range 40 {
		err := s.db.Snapshot(ctx, func(tx store.Tx) error {
			found, err := tx.Products.List(ctx, product.Query{Sort: product.LikesDesc, Text: "cup"}, 20)
			s.wholeByLikes(found, 12)
			return err
		})
		if err != nil {
			s.Error(err)
		}
	}
	stop()
	storm.Wait()
}

// wholeByLikes fails the test unless a page has n different products in the order of likes.
func (s *shop) wholeByLikes(page []product.Listing, n int) {
	s.Helper()
	seen := map[int64]bool{}
	for _, l := range page {
		seen[l.ID] = true
	}
	inOrder := slices.IsSortedFunc(page, sorts()[product.LikesDesc])
	if len(page) != n || len(seen) != n || !inOrder {
		s.Errorf("%d products, %d of them different, in order: %t", len(page), len(seen), inOrder)
	}
}

// searchesAlike compares pages with what a look at every product finds. The products are not
// in the same order under any two sorts.
func searchesAlike(s *shop) {
	brands := []product.Brand{s.brand(), s.brand()}
	words := []string{"우유", "유기농", "두유", "Cup", "cUP", "Straße", "İ", "ΟΔΟΣ", "17", "%"}
	var all []product.Listing
	likes := map[int64]int64{}
	for i := range 60 {
		p := product.Product{
			BrandID: brands[i*i%7%2].ID, Name: words[i*7%10] + " " + words[i*3%7] + strings.Repeat("!", i%3),
			Price: money.Won(100 + i*37%11), Status: product.OnSale, CreatedAt: noon(),
		}
		if i%9 == 8 {
			p.Status = product.Hidden
		}
		p = s.add(p, 1)
		likes[p.ID] = int64(100 + i*5%7) // as many as prices, to see them mixed up
		if p.Status != product.Hidden {
			l := s.item(p.ID)
			l.LikeCount = likes[p.ID]
			all = append(all, l)
		}
	}
	s.queue(func(tx store.Tx) { tx.Likes.AddCounts(likes) })
	rapid.Check(s.T, func(t *rapid.T) {
		q := drawQuery(t, brands[0].ID, brands[1].ID)
		want := sorted(slices.DeleteFunc(slices.Clone(all), func(l product.Listing) bool { return !matches(q, l) }), sorts()[q.Sort])
		got := s.pages(q, rapid.IntRange(1, 9).Draw(t, "size"))
		if same := slices.EqualFunc(want, got, func(a, b product.Listing) bool { return cmp.Compare(a.ID, b.ID) == 0 }); !same {
			t.Errorf("%s: got %d, want %d", product.FirstPage{Query: q}.Name(), ids(got), ids(want))
		}
	})
}

func ids(all []product.Listing) (found []int64) {
	for _, l := range all {
		found = append(found, l.ID)
	}
	return found
}

func drawQuery(t *rapid.T, brands ...int64) product.Query {
	price := rapid.Ptr(rapid.Map(rapid.Int64Range(98, 112), func(v int64) money.Won { return money.Won(v) }), true)
	parts := []string{"", "우유", "유", "두유 ", "cup", "CUP c", "ss", "strasse", "ß", "i", "ı", "ΟΔΟΣ", "ς", "1", "17 ", "!!", "%", "x", "우두"}
	return product.Query{
		Sort:     rapid.SampledFrom([]product.Sort{product.Latest, product.PriceAsc, product.PriceDesc, product.LikesDesc}).Draw(t, "sort"),
		BrandID:  rapid.SampledFrom(append(brands, 0)).Draw(t, "brand"),
		Text:     rapid.SampledFrom(parts).Draw(t, "text"),
		MinPrice: price.Draw(t, "from"), MaxPrice: price.Draw(t, "to"),
	}
}

// matches looks at a product.
func matches(q product.Query, l product.Listing) bool {
	return (q.BrandID == 0 || l.BrandID == q.BrandID) && strings.Contains(text.Fold(l.Name), text.Fold(q.Text)) &&
		(q.MinPrice == nil || l.Price >= *q.MinPrice) && (q.MaxPrice == nil || l.Price <= *q.MaxPrice)
}
