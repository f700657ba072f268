// Package shoptest provides a small shop on a real database for the tests of the
// use cases: its services, and helpers that add data and read the state.
package shoptest

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/likes"
	"github.com/loopers-commerce/commerce/internal/app/wallet"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// Shop is a shop with one brand.
type Shop struct {
	T        *testing.T // the test that the shop is for
	DB       store.DB
	IDs      id.Source
	Catalog  *catalog.Service
	Likes    *likes.Service
	Wallet   *wallet.Service
	Checkout *checkout.Service
	Coupons  *coupons.Service

	now    clock.Clock
	brand  int64
	people atomic.Int64
}

// OnSQLite runs the test on SQLite. It is for rules and stories: what they need of the
// database is proved on both engines by the conformance suite.
func OnSQLite(t *testing.T, test func(s *Shop)) {
	t.Helper()
	test(New(t, storetest.SQLite(t, sqlstore.Options{})))
}

// OnBothEngines runs the test on SQLite and on PostgreSQL. It is for tests whose
// result can depend on the engine: calls that run at the same time, locks, limits
// of the schema, and one whole story for each part of the shop.
func OnBothEngines(t *testing.T, test func(s *Shop)) {
	t.Helper()
	engines := map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB{
		"sqlite": storetest.SQLite, "postgres": storetest.Postgres,
	}
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(New(t, open(t, sqlstore.Options{})))
		})
	}
}

// New returns a shop over a database.
func New(t *testing.T, db store.DB) *Shop {
	t.Helper()
	now := clock.Clock(time.Now)
	ids := id.NewSource(now, rand.Reader)
	s := &Shop{
		T: t, DB: db, IDs: ids, Catalog: catalog.New(db, now), Likes: likes.New(db, now),
		Wallet: wallet.New(db, ids, now), Checkout: checkout.New(db, ids, now, payment.DefaultPolicy()),
		Coupons: coupons.New(db, ids, now), now: now,
	}
	b, err := s.Catalog.CreateBrand(t.Context(), product.Brand{Name: "Loopers"})
	if err != nil {
		t.Fatal(err)
	}
	s.brand = b.ID
	return s
}

// Customer adds a customer with points to spend and returns the id.
func (s *Shop) Customer(t *testing.T, points money.Won) id.ID {
	t.Helper()
	uid, n := s.IDs(), s.people.Add(1)
	u := user.New(user.Application{
		LoginID: fmt.Sprintf("user%d", n), Email: fmt.Sprintf("user%d@example.com", n), BirthDate: "2000-01-01", Gender: user.Male,
	}, uid, "", s.now())
	s.update(t, func(tx store.Tx) error {
		tx.Users.Add(u)
		tx.Points.Open(uid)
		if points > 0 {
			tx.Points.Save(point.WalletOf(uid, points), point.Entry{
				ID: s.IDs(), UserID: uid, Type: point.Charge, Amount: points, Balance: points, At: s.now(),
			})
		}
		return nil
	})
	return uid
}

// Product adds a product and returns its id.
func (s *Shop) Product(t *testing.T, price money.Won, stock int64) int64 {
	t.Helper()
	l, err := s.Catalog.CreateProduct(t.Context(),
		catalog.Draft{BrandID: s.brand, Name: "Mug", Price: price, Stock: stock}, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	return l.ID
}

// Hide hides a product from customers.
func (s *Shop) Hide(t *testing.T, productID int64) {
	t.Helper()
	hidden := product.Hidden
	if _, err := s.Catalog.ChangeProduct(t.Context(), productID, catalog.Edit{Status: &hidden}); err != nil {
		t.Fatal(err)
	}
}

// Stock returns how many of a product are left.
func (s *Shop) Stock(t *testing.T, productID int64) (left int64) {
	t.Helper()
	s.view(t, func(ctx context.Context, tx store.Tx) error {
		l, err := tx.Products.Get(ctx, productID)
		left = l.Stock
		return err
	})
	return left
}

// Balance returns the points of a customer.
func (s *Shop) Balance(t *testing.T, customer id.ID) money.Won {
	t.Helper()
	w, err := s.Wallet.Balance(t.Context(), customer)
	if err != nil {
		t.Fatal(err)
	}
	return w.Balance()
}

// Promised counts the events of a type in the outbox.
func (s *Shop) Promised(t *testing.T, eventType string) (n int) {
	t.Helper()
	for _, p := range s.Outbox(t) {
		if p.Envelope.Type == eventType {
			n++
		}
	}
	return n
}

// Outbox returns every event in the outbox.
func (s *Shop) Outbox(t *testing.T) (waiting []store.OutboxRecord) {
	t.Helper()
	lanes := make([]int, store.Lanes)
	for i := range lanes {
		lanes[i] = i
	}
	s.view(t, func(ctx context.Context, tx store.Tx) (err error) {
		waiting, err = tx.Outbox.Next(ctx, lanes, 10_000)
		return err
	})
	return waiting
}

// Audit fails the test for each difference that the recounts of the audit find.
func (s *Shop) Audit(t *testing.T) {
	t.Helper()
	var found storetest.Report
	s.view(t, func(ctx context.Context, tx store.Tx) error {
		for _, recount := range []func(context.Context, store.AuditReport) error{
			tx.Audit.Stock, tx.Audit.Wallets, tx.Audit.Spent, tx.Audit.Coupons, tx.Audit.Paid, tx.Audit.Charged,
		} {
			if err := recount(ctx, &found); err != nil {
				return err
			}
		}
		return nil
	})
	for _, d := range found.Differences {
		t.Errorf("audit: %+v", d)
	}
}

// AtOnce runs n calls at the same moment and returns their errors.
func AtOnce(n int, call func(i int) error) []error {
	errs, start := make([]error, n), make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = call(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

func (s *Shop) update(t *testing.T, fn func(store.Tx) error) {
	t.Helper()
	if err := s.DB.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func (s *Shop) view(t *testing.T, fn func(context.Context, store.Tx) error) {
	t.Helper()
	ctx := t.Context()
	if err := s.DB.View(ctx, func(tx store.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}
