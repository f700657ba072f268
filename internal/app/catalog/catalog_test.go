package catalog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func TestANewProductPublishesAnEventAndRecordsItsStock(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, empty := s.Product(t, 100, 7), s.Product(t, 100, 0)
		if m, e := s.Stock(t, mug), s.Stock(t, empty); m != 7 || e != 0 {
			t.Errorf("stock = %d and %d, want 7 and 0", m, e)
		}
		if n := s.Promised(t, "product.changed"); n != 2 {
			t.Errorf("%d events product.changed, want 2", n)
		}
		s.Audit(t)
	})
}

func TestADraftIsRejectedWithAllItsErrors(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		_, err := s.Catalog.CreateProduct(t.Context(), catalog.Draft{Stock: -1}, store.Unguarded{})
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || len(f.Fields) != 4 {
			t.Errorf("CreateProduct = %+v, want errors for brand, name, price and stock", f)
		}
		_, err = s.Catalog.CreateProduct(t.Context(), catalog.Draft{BrandID: 999, Name: "x", Price: 1}, store.Unguarded{})
		if !errors.Is(err, product.ErrBrandNotFound) {
			t.Errorf("CreateProduct = %v, want ErrBrandNotFound", err)
		}
		if _, err := s.Catalog.CreateBrand(t.Context(), product.Brand{Name: "Loopers"}); !errors.Is(err, product.ErrBrandNameTaken) {
			t.Errorf("CreateBrand = %v, want ErrBrandNameTaken", err)
		}
	})
}

func TestAnEditChangesOnlyGivenFieldsAndPublishesOnlyChanges(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, name := s.Product(t, 100, 7), "Big mug"
		for range 2 { // the second changes nothing
			l, err := s.Catalog.ChangeProduct(t.Context(), mug, catalog.Edit{Name: &name})
			if err != nil || l.Name != name || l.Price != 100 || l.Stock != 7 || l.BrandName != "Loopers" {
				t.Fatalf("ChangeProduct = %+v, %v", l, err)
			}
		}
		if n := s.Promised(t, "product.changed"); n != 2 {
			t.Errorf("%d events product.changed, want one for the product and one for the edit", n)
		}
		for fault, edit := range map[error]catalog.Edit{
			fault.ErrValidation:      {Name: new(string)},
			product.ErrBrandNotFound: {BrandID: new(int64(999))},
		} {
			if _, err := s.Catalog.ChangeProduct(t.Context(), mug, edit); !errors.Is(err, fault) {
				t.Errorf("ChangeProduct = %v, want %v", err, fault)
			}
		}
	})
}

// A product that was there before some characters were refused can still be changed.
func TestAnEditDoesNotLookAtTextsThatItDoesNotChange(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		const old = " old\u202e  name "
		mug := s.Product(t, 100, 7)
		err := s.DB.Update(t.Context(), func(tx store.Tx) error {
			p, err := tx.Products.Lock(t.Context(), mug)
			p.Name = old
			tx.Products.Save(p)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		l, err := s.Catalog.ChangeProduct(t.Context(), mug, catalog.Edit{Price: new(money.Won(200))})
		if err != nil || l.Name != old || l.Price != 200 {
			t.Errorf("ChangeProduct = %+v, %v", l, err)
		}
		if _, err := s.Catalog.ChangeProduct(t.Context(), mug, catalog.Edit{Name: new(old)}); !errors.Is(err, fault.ErrValidation) {
			t.Errorf("the same name, sent: %v", err)
		}
		if l, err = s.Catalog.ChangeProduct(t.Context(), mug, catalog.Edit{Name: new(" new  name ")}); err != nil || l.Name != "new name" {
			t.Errorf("ChangeProduct = %+v, %v", l, err)
		}
	})
}

func TestConcurrentStockAdjustmentsAddUp(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug := s.Product(t, 100, 8)
		errs := shoptest.AtOnce(16, func(i int) error {
			delta := int64(5)
			if i%2 == 0 {
				delta = -1
			}
			_, err := s.Catalog.AdjustStock(t.Context(), mug, product.Adjustment{Delta: delta, Note: "count"}, store.Unguarded{})
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if left, n := s.Stock(t, mug), s.Promised(t, "stock.adjusted"); left != 8+8*5-8 || n != 16 {
			t.Errorf("%d left, %d events; want 40 and 16", left, n)
		}
		if _, err := s.Catalog.AdjustStock(t.Context(), mug, product.Adjustment{Delta: -41, Note: "x"}, store.Unguarded{}); !errors.Is(err, product.ErrInsufficientStock) {
			t.Errorf("AdjustStock = %v, want ErrInsufficientStock", err)
		}
		if _, err := s.Catalog.AdjustStock(t.Context(), mug, product.Adjustment{Delta: -40, Note: "x"}, store.Unguarded{}); err != nil {
			t.Error(err)
		}
		if n := s.Promised(t, "stock.depleted"); n != 1 {
			t.Errorf("%d events stock.depleted, want 1", n)
		}
		s.Audit(t)
	})
}

func TestCustomersDoNotSeeHiddenProducts(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, hidden := s.Product(t, 100, 7), s.Product(t, 100, 7)
		s.Hide(t, hidden)
		if _, err := s.Catalog.Get(t.Context(), hidden); !errors.Is(err, product.ErrNotFound) {
			t.Errorf("Get = %v, want ErrNotFound", err)
		}
		many, err := s.Catalog.Many(t.Context(), []int64{mug, hidden, 999_999})
		if err != nil || len(many) != 1 || many[mug].ID != mug {
			t.Errorf("Many = %+v, %v", many, err)
		}
		list, err := s.Catalog.List(t.Context(), product.Query{Sort: product.Latest}, 10, "")
		if err != nil || len(list.Items) != 1 || list.Items[0].ID != mug {
			t.Errorf("List = %+v, %v", list.Items, err)
		}
		if _, err := s.Catalog.List(t.Context(), product.Query{Sort: product.Latest}, 10, "x"); !errors.Is(err, page.ErrCursor) {
			t.Errorf("List = %v, want ErrCursor", err)
		}
	})
}

// refusing is a guard whose Leave always fails.
type refusing struct{ store.Unguarded }

var errRefused = errors.New("refused")

func (refusing) Leave(context.Context, store.Tx, any) error { return errRefused }

func TestAFailingGuardRollsBack(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug := s.Product(t, 100, 7)
		before := len(s.Outbox(t))
		if _, err := s.Catalog.AdjustStock(t.Context(), mug, product.Adjustment{Delta: 1, Note: "x"}, refusing{}); !errors.Is(err, errRefused) {
			t.Errorf("AdjustStock = %v", err)
		}
		if left, events := s.Stock(t, mug), len(s.Outbox(t)); left != 7 || events != before {
			t.Errorf("%d left, %d new events", left, events-before)
		}
	})
}

// snapshots counts the snapshots of a database.
type snapshots struct {
	store.DB
	n int
}

func (d *snapshots) Snapshot(ctx context.Context, fn func(store.Tx) error) error {
	d.n++
	return d.DB.Snapshot(ctx, fn)
}

// A search takes several statements.
func TestAPageOfASearchIsReadAtOneMoment(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t, price := s.T, product.MaxPrice
		mug, err := s.Catalog.Get(t.Context(), s.Product(t, 100, 7))
		if err != nil {
			t.Fatal(err)
		}
		db := &snapshots{DB: s.DB}
		for i, q := range []product.Query{{Sort: product.LikesDesc, MaxPrice: &price}, {Sort: product.PriceAsc, Text: mug.Name}} {
			list, err := catalog.New(db, time.Now).List(t.Context(), q, 10, "")
			if err != nil || len(list.Items) != 1 || db.n != i+1 {
				t.Errorf("%+v: %+v, %d snapshots (%v)", q, list.Items, db.n, err)
			}
		}
	})
}
