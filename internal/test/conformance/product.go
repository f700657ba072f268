package conformance

import (
	"cmp"
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

func brandTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a brand reads as it was added":                              brandReads,
		"a brand's name is taken once":                               brandNameOnce,
		"the name of a brand is taken in any form":                   brandNameInAnyForm,
		"an unknown brand is not found":                              brandUnknown,
		"the products of a brand are read in parts, hidden ones too": brandProducts,
	}
}

func (s *shop) listing(pid int64) product.Listing {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (product.Listing, error) { return tx.Products.Get(ctx, pid) })
}

// item returns a product as it is in lists.
func (s *shop) item(pid int64) product.Listing {
	s.Helper()
	l := s.listing(pid)
	l.Description = ""
	return l
}

func productTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a product reads as it was added, with its brand, stock and likes":      productReads,
		"a new product has a stock of nothing, and no SKU if it was given none": newProductIsBare,
		"a product needs a brand that exists and a SKU of its own":              productNeeds,
		"a changed product reads as it was saved":                               productChanges,
		"a change that cannot be is refused":                                    impossibleChanges,
		"an unknown product is not found":                                       productUnknown,
		"those of many products that exist are found":                           manyProducts,
		"like counts are added to, and unknown products passed over":            likeCountsAdd,
	}
}

func brandReads(s *shop) {
	b := s.brand()
	s.equal(b, read(s, func(ctx context.Context, tx store.Tx) (product.Brand, error) { return tx.Brands.Get(ctx, b.ID) }))
	s.equal(b, read(s, func(ctx context.Context, tx store.Tx) (product.Brand, error) {
		return tx.Brands.ByName(ctx, b.Name)
	}))
}

func brandNameOnce(s *shop) {
	b := s.brand()
	s.refuses(product.ErrBrandNameTaken, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Brands.Add(ctx, product.Brand{Name: b.Name})
		return err
	})
}

func brandNameInAnyForm(s *shop) {
	var added product.Brand
	s.update(func(ctx context.Context, tx store.Tx) (err error) {
		added, err = tx.Brands.Add(ctx, product.Brand{Name: "Café 한글"})
		return err
	})
	for _, name := range []string{
		"Café 한글", "cafe\u0301 한글", " CAFÉ  한글 ", "Caf\u200dé\u3000한글", "café \u1112\u1161\u11ab\u1100\u1173\u11af", "café\u00a0한글",
	} {
		s.refuses(product.ErrBrandNameTaken, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Brands.Add(ctx, product.Brand{Name: name})
			return err
		})
		s.equal(added, read(s, func(ctx context.Context, tx store.Tx) (product.Brand, error) { return tx.Brands.ByName(ctx, name) }))
	}
	for _, name := range []string{"Cafe 한글", "Café한글", "Café 한굴"} {
		s.update(func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Brands.Add(ctx, product.Brand{Name: name})
			return err
		})
	}
}

func brandUnknown(s *shop) {
	s.refuses(product.ErrBrandNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Brands.Get(ctx, 99)
		return err
	})
	s.refuses(product.ErrBrandNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Brands.ByName(ctx, "nobody's")
		return err
	})
}

func brandProducts(s *shop) {
	brand, other := s.brand(), s.brand()
	var want []int64
	for i := range 7 {
		p := s.product(brand.ID, 1)
		s.product(other.ID, 1)
		want = append(want, p.ID)
		if i%3 == 1 {
			p.Status = product.Hidden
			s.update(func(_ context.Context, tx store.Tx) error { tx.Products.Save(p); return nil })
		}
	}
	var got []int64
	for after := int64(0); ; after = got[len(got)-1] {
		part := read(s, func(ctx context.Context, tx store.Tx) ([]int64, error) {
			return tx.Brands.Products(ctx, brand.ID, after, 2)
		})
		if len(part) == 0 {
			break
		}
		got = append(got, part...)
	}
	s.equal(want, got)
}

func productReads(s *shop) {
	b := s.brand()
	p := s.product(b.ID, 7)
	s.equal(product.Listing{Product: p, BrandName: b.Name, Stock: 7}, s.listing(p.ID))
	s.equal(p, write(s, func(ctx context.Context, tx store.Tx) (product.Product, error) {
		return tx.Products.Lock(ctx, p.ID)
	}))
}

func newProductIsBare(s *shop) {
	p := s.product(s.brand().ID, 0)
	p.SKU = ""
	for range 2 { // twice: products without a SKU do not conflict
		l := s.listing(s.add(p, 0).ID)
		s.equal(int64(0), l.Stock)
		s.equal("", l.SKU)
	}
}

func productNeeds(s *shop) {
	p := s.product(s.brand().ID, 0)
	for want, change := range map[error]func(*product.Product){
		product.ErrSKUTaken:      func(*product.Product) {},
		product.ErrBrandNotFound: func(p *product.Product) { p.SKU, p.BrandID = "other", 99 },
	} {
		other := p
		change(&other)
		s.refuses(want, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Products.Add(ctx, other)
			return err
		})
	}
}

func productChanges(s *shop) {
	p, other := s.product(s.brand().ID, 3), s.brand()
	p.Name, p.Price, p.Status, p.BrandID, p.Description, p.SKU = "new", 5, product.Hidden, other.ID, "better", "N"
	s.update(func(_ context.Context, tx store.Tx) error { tx.Products.Save(p); return nil })
	s.equal(product.Listing{Product: p, BrandName: other.Name, Stock: 3}, s.listing(p.ID))
}

func impossibleChanges(s *shop) {
	b := s.brand()
	p, other := s.product(b.ID, 0), s.product(b.ID, 0)
	for want, change := range map[error]func(*product.Product){
		product.ErrSKUTaken:      func(p *product.Product) { p.SKU = other.SKU },
		product.ErrBrandNotFound: func(p *product.Product) { p.BrandID = 99 },
		product.ErrNotFound:      func(p *product.Product) { p.ID = 99 },
	} {
		q := p
		change(&q)
		s.refuses(want, func(_ context.Context, tx store.Tx) error { tx.Products.Save(q); return nil })
	}
}

func productUnknown(s *shop) {
	s.refuses(product.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Products.Get(ctx, 99)
		return err
	})
	s.refuses(product.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Products.Lock(ctx, 99)
		return err
	})
}

func manyProducts(s *shop) {
	b := s.brand()
	p, q := s.product(b.ID, 1), s.product(b.ID, 2)
	many := read(s, func(ctx context.Context, tx store.Tx) ([]product.Listing, error) {
		return tx.Products.Many(ctx, []int64{q.ID, 99, p.ID})
	})
	slices.SortFunc(many, func(a, b product.Listing) int { return cmp.Compare(a.ID, b.ID) })
	s.equal([]product.Listing{s.item(p.ID), s.item(q.ID)}, many)
	s.equal(map[string]int64{p.SKU: p.ID, q.SKU: q.ID}, read(s, func(ctx context.Context, tx store.Tx) (map[string]int64, error) {
		return tx.Products.BySKU(ctx, []string{p.SKU, "none", q.SKU})
	}))
}

func likeCountsAdd(s *shop) {
	b := s.brand()
	p, q := s.product(b.ID, 1), s.product(b.ID, 2)
	for _, delta := range []map[int64]int64{{p.ID: 3, q.ID: 1, 99: 5}, {p.ID: -1}, {}} {
		s.queue(func(tx store.Tx) { tx.Likes.AddCounts(delta) })
	}
	s.equal([]int64{2, 1}, []int64{s.listing(p.ID).LikeCount, s.listing(q.ID).LikeCount})
}
