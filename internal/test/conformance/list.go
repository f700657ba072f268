package conformance

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// shelf adds products of two brands, many with the same price and like count, some
// hidden. It returns those that are listed.
func (s *shop) shelf() []product.Listing {
	s.Helper()
	brands := []product.Brand{s.brand(), s.brand()}
	var all []product.Listing
	for i := range 24 {
		p := product.Product{
			BrandID: brands[i%2].ID, Name: "Cup " + strings.Repeat("x", i%3) + "%_\\" + string(rune('A'+i%5)),
			Price: money.Won(100 * (1 + i%4)), Status: product.OnSale, CreatedAt: noon(), Description: "not for lists",
		}
		if i%6 == 5 {
			p.Status = product.Hidden
		}
		p = s.add(p, int64(i))
		s.queue(func(tx store.Tx) { tx.Likes.AddCounts(map[int64]int64{p.ID: int64(i % 3)}) })
		if p.Status != product.Hidden {
			all = append(all, s.item(p.ID))
		}
	}
	return all
}

func (s *shop) list(q product.Query, limit int) []product.Listing {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]product.Listing, error) {
		return tx.Products.List(ctx, q, limit)
	})
}

// pages reads a list page by page, as a client does.
func (s *shop) pages(q product.Query, size int) (all []product.Listing) {
	s.Helper()
	for cursor := ""; ; {
		q, err := q.From(cursor)
		if err != nil {
			s.Fatal(err)
		}
		page := q.Page(s.list(q, size+1), size)
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

func sorted(all []product.Listing, compare func(a, b product.Listing) int) []product.Listing {
	return slices.SortedFunc(slices.Values(all), compare)
}

func sorts() map[product.Sort]func(a, b product.Listing) int {
	return map[product.Sort]func(a, b product.Listing) int{
		product.Latest: func(a, b product.Listing) int { return cmp.Compare(b.ID, a.ID) },
		product.PriceAsc: func(a, b product.Listing) int {
			return cmp.Or(cmp.Compare(a.Price, b.Price), cmp.Compare(a.ID, b.ID))
		},
		product.PriceDesc: func(a, b product.Listing) int {
			return cmp.Or(cmp.Compare(b.Price, a.Price), cmp.Compare(b.ID, a.ID))
		},
		product.LikesDesc: func(a, b product.Listing) int {
			return cmp.Or(cmp.Compare(b.LikeCount, a.LikeCount), cmp.Compare(b.ID, a.ID))
		},
	}
}

func listTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"every sort shows every product that is not hidden once, page by page": sortsShowAll,
		"filters leave only what they name":                                    filtersKeep,
		"a text is only ever a text":                                           textIsText,
		"an unknown sort is refused":                                           sortUnknown,
	}
}

func sortsShowAll(s *shop) {
	all := s.shelf()
	for sort, compare := range sorts() {
		s.equal(sorted(all, compare), s.list(product.Query{Sort: sort}, 100))
		s.equal(sorted(all, compare), s.pages(product.Query{Sort: sort}, 3))
	}
}

func filtersKeep(s *shop) {
	all := s.shelf()
	low, high := money.Won(200), money.Won(300)
	brand := all[0].BrandID
	for _, c := range []struct {
		query product.Query
		keep  func(product.Listing) bool
	}{
		{product.Query{BrandID: brand}, func(l product.Listing) bool { return l.BrandID == brand }},
		{product.Query{MinPrice: &low}, func(l product.Listing) bool { return l.Price >= low }},
		{product.Query{MaxPrice: &high}, func(l product.Listing) bool { return l.Price <= high }},
		{
			product.Query{MinPrice: &low, MaxPrice: &high, BrandID: brand, Text: "X"},
			func(l product.Listing) bool {
				return l.Price >= low && l.Price <= high && l.BrandID == brand && strings.Contains(l.Name, "x")
			},
		},
		{product.Query{Text: "cup xx"}, func(l product.Listing) bool { return strings.Contains(l.Name, "xx") }},
		{product.Query{Text: `X%_\a`}, func(l product.Listing) bool { return strings.Contains(l.Name, `x%_\A`) }},
		{product.Query{Text: "p%x"}, func(product.Listing) bool { return false }},
		{product.Query{Text: "p_x"}, func(product.Listing) bool { return false }},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(l product.Listing) bool { return !c.keep(l) })
		for sort, compare := range sorts() {
			c.query.Sort = sort
			got := s.pages(c.query, 2)
			if len(want)+len(got) > 0 {
				s.equal(sorted(want, compare), got)
			}
		}
	}
}

func textIsText(s *shop) {
	s.shelf()
	s.equal(0, len(s.list(product.Query{Sort: product.Latest, Text: "' OR 1=1 --"}, 10)))
}

func sortUnknown(s *shop) {
	s.refuses(product.ErrSort, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Products.List(ctx, product.Query{Sort: "id; DROP TABLE users"}, 10)
		return err
	})
}
