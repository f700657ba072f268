// Package conformance is the test suite that a store must pass on each engine.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// Run runs the suite. For each test, open returns an empty store.
func Run(t *testing.T, open func(t *testing.T) *sqlstore.DB) {
	t.Helper()
	for _, group := range []map[string]func(*shop){
		transactionTests(), rollbackTests(), raceTests(), userTests(), brandTests(), productTests(), listTests(), stockTests(),
		likeTests(), pointTests(), orderTests(), largeTests(), metricTests(), outboxTests(), handledTests(), eventLogTests(), leaseTests(), keyTests(), auditTests(),
		couponTests(), paymentTests(), payBookTests(), damageTests(), jobTests(), publishedTests(), weightsTests(), gapTests(), salesTests(), monthTests(), rollupTests(),
		letterTests(), groupTests(), cachedTests(), searchTests(), queueTests(), rebuildTests(),
	} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(&shop{T: t, db: open(t), ids: storetest.Complete(sqlstore.Options{}).IDs})
			})
		}
	}
}

// noon is the time of events in tests that need no other: 12:00 in Seoul, with
// microseconds, to see that they are stored.
func noon() time.Time { return time.Date(2025, time.November, 3, 3, 0, 0, 123456000, time.UTC) }

// shop is a store under test, with helpers for common steps.
type shop struct {
	*testing.T
	db     *sqlstore.DB
	ids    id.Source
	serial atomic.Int64
}

func (s *shop) update(fn func(ctx context.Context, tx store.Tx) error) {
	s.Helper()
	if err := s.db.Update(s.Context(), func(tx store.Tx) error { return fn(s.Context(), tx) }); err != nil {
		s.Fatalf("update: %v", err)
	}
}

// queue runs an Update that only queues writes.
func (s *shop) queue(fn func(tx store.Tx)) {
	s.Helper()
	s.update(func(_ context.Context, tx store.Tx) error { fn(tx); return nil })
}

// user adds a user with an open wallet.
func (s *shop) user() user.User {
	s.Helper()
	n := s.serial.Add(1)
	u := user.User{
		ID: s.ids(), LoginID: fmt.Sprintf("user%d", n), Email: fmt.Sprintf("user%d@example.com", n),
		BirthDate: "1990-01-31", Gender: user.Female, Role: user.Customer, PasswordHash: "hash", CreatedAt: noon(),
	}
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Users.Add(u)
		tx.Points.Open(u.ID)
		return nil
	})
	return u
}

func (s *shop) brand() product.Brand {
	s.Helper()
	b := product.Brand{Name: fmt.Sprintf("brand %d", s.serial.Add(1)), Description: "of things"}
	s.update(func(ctx context.Context, tx store.Tx) (err error) {
		b, err = tx.Brands.Add(ctx, b)
		return err
	})
	return b
}

// product adds a product of a brand with some stock.
func (s *shop) product(brandID, stock int64) product.Product {
	s.Helper()
	n := s.serial.Add(1)
	return s.add(product.Product{
		SKU: fmt.Sprintf("SKU-%d", n), BrandID: brandID, Name: fmt.Sprintf("Product %d", n), Description: "a thing",
		Price: money.Won(1_000 + n), Status: product.OnSale, CreatedAt: noon(),
	}, stock)
}

func (s *shop) add(p product.Product, stock int64) product.Product {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) (err error) {
		if p, err = tx.Products.Add(ctx, p); err == nil && stock > 0 {
			tx.Stocks.Save(product.StockOf(p.ID, stock), product.Movement{
				ProductID: p.ID, Delta: stock, Quantity: stock, Reason: product.Initial, At: noon(),
			})
		}
		return err
	})
	return p
}

// charge puts points into a wallet.
func (s *shop) charge(user id.ID, amount money.Won) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) error {
		w, err := tx.Points.Lock(ctx, user)
		if err != nil {
			return err
		}
		if w, err = w.Receive(amount); err != nil {
			return err
		}
		tx.Points.Save(w, point.Entry{
			ID: s.ids(), UserID: user, Type: point.Charge, Amount: amount, Balance: w.Balance(), At: noon(),
		})
		return nil
	})
}

// order returns an order that is not stored yet.
func (s *shop) order(user id.ID, products ...product.Product) order.Order {
	s.Helper()
	var lines []order.Line
	for i, p := range products {
		lines = append(lines, order.Line{ProductID: p.ID, Name: p.Name, Price: p.Price, Quantity: int64(i) + 1})
	}
	o, err := order.New(s.ids(), user, lines, noon())
	if err != nil {
		s.Fatal(err)
	}
	return o
}

// read returns what fn reads in a View.
func read[T any](s *shop, fn func(ctx context.Context, tx store.Tx) (T, error)) (v T) {
	s.Helper()
	err := s.db.View(s.Context(), func(tx store.Tx) (err error) {
		v, err = fn(s.Context(), tx)
		return err
	})
	if err != nil {
		s.Fatalf("view: %v", err)
	}
	return v
}

// write returns what fn returns in an Update.
func write[T any](s *shop, fn func(ctx context.Context, tx store.Tx) (T, error)) (v T) {
	s.Helper()
	s.update(func(ctx context.Context, tx store.Tx) (err error) {
		v, err = fn(ctx, tx)
		return err
	})
	return v
}

// refuses fails the test unless an Update of fn returns the error.
func (s *shop) refuses(want error, fn func(ctx context.Context, tx store.Tx) error) {
	s.Helper()
	if err := s.db.Update(s.Context(), func(tx store.Tx) error { return fn(s.Context(), tx) }); !errors.Is(err, want) {
		s.Errorf("got the error %v, want %v", err, want)
	}
}

// equal fails the test unless got is want.
func (s *shop) equal(want, got any) {
	s.Helper()
	diff := cmp.Diff(want, got, cmp.AllowUnexported(product.Stock{}, point.Wallet{}, order.Order{}), cmpopts.IgnoreUnexported(payment.Payment{}))
	if diff != "" {
		s.Errorf("(-want +got):\n%s", diff)
	}
}

// whenFree repeats a transaction while somebody holds a lock for longer than it waits.
func (s *shop) whenFree(fn func(store.Tx) error) (err error) {
	for range 20 {
		if err = s.db.Update(s.Context(), fn); fault.KindOf(err) != fault.Unavailable {
			return err
		}
	}
	return err
}
