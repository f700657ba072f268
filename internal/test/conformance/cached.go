package conformance

import (
	"cmp"
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

func cachedTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"many products are read whole, with their versions":                   wholeProducts,
		"the version of a product grows when it is saved, and only then":      versionsGrow,
		"what is hot is read of many products, hidden ones too, with version": hotProducts,
	}
}

func (s *shop) whole(ids ...int64) []product.Versioned {
	s.Helper()
	found := read(s, func(ctx context.Context, tx store.Tx) ([]product.Versioned, error) { return tx.Cached.Whole(ctx, ids) })
	slices.SortFunc(found, func(a, b product.Versioned) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

func (s *shop) hot(ids ...int64) []product.Hot {
	s.Helper()
	found := read(s, func(ctx context.Context, tx store.Tx) ([]product.Hot, error) { return tx.Cached.Hot(ctx, ids) })
	slices.SortFunc(found, func(a, b product.Hot) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

func wholeProducts(s *shop) {
	b := s.brand()
	p, q := s.product(b.ID, 7), s.product(b.ID, 0)
	s.equal([]product.Versioned{{Listing: s.listing(p.ID), Version: 1}, {Listing: s.listing(q.ID), Version: 1}}, s.whole(q.ID, 99, p.ID))
	s.equal([]product.Versioned(nil), s.whole())
}

func versionsGrow(s *shop) {
	p := s.product(s.brand().ID, 7)
	for n := range int64(3) {
		s.equal(n+1, s.whole(p.ID)[0].Version)
		p.Name += "!"
		s.queue(func(tx store.Tx) { tx.Products.Save(p) })
	}
	s.queue(func(tx store.Tx) {
		tx.Likes.AddCounts(map[int64]int64{p.ID: 5})
		tx.Stocks.Save(product.StockOf(p.ID, 6), product.Movement{ProductID: p.ID, Delta: -1, Quantity: 6, Reason: product.Ordered, At: noon()})
	})
	s.equal([]product.Hot{{ID: p.ID, Version: 4, Stock: 6, LikeCount: 5}}, s.hot(p.ID))
}

func hotProducts(s *shop) {
	b := s.brand()
	p, q := s.product(b.ID, 7), s.product(b.ID, 3)
	q.Status = product.Hidden
	s.queue(func(tx store.Tx) { tx.Products.Save(q) })
	s.equal([]product.Hot{{ID: p.ID, Version: 1, Stock: 7}, {ID: q.ID, Version: 2, Stock: 3}}, s.hot(p.ID, q.ID, 99))
	s.equal([]product.Hot(nil), s.hot())
}
