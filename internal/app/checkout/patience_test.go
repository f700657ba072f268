package checkout_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// observed is a database that reports when a transaction is about to lock a wallet.
type observed struct {
	store.DB
	about func()
}

func (o observed) Update(ctx context.Context, fn func(store.Tx) error) error {
	return o.DB.Update(ctx, func(tx store.Tx) error {
		tx.Points = wallets{tx.Points, o.about}
		return fn(tx)
	})
}

type wallets struct {
	point.Table
	about func()
}

func (w wallets) Lock(ctx context.Context, user id.ID) (point.Wallet, error) {
	w.about()
	return w.Table.Lock(ctx, user)
}

// Not on SQLite, which has one writer at a time.
func TestAnOrderThatWaitsForItsWalletDoesNotBlockTheProduct(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.Postgres(t, sqlstore.Options{}))
	mug, kim, lee := s.Product(t, 1000, 5), s.Customer(t, 1000), s.Customer(t, 1000)
	waits, kims := make(chan struct{}), make(chan error, 1)
	waiting := checkout.New(observed{s.DB, sync.OnceFunc(func() { close(waits) })}, s.IDs, time.Now, payment.DefaultPolicy())
	err := s.DB.Update(t.Context(), func(tx store.Tx) error { // kim's wallet is locked
		if _, err := tx.Points.Lock(t.Context(), kim); err != nil {
			return err
		}
		go func() {
			_, err := waiting.Place(t.Context(), checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}}, store.Unguarded{})
			kims <- err
		}()
		<-waits
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := s.Checkout.Place(ctx, checkout.Request{UserID: lee, Lines: []order.Want{want(mug, 1)}}, store.Unguarded{})
		return err
	})
	if err != nil {
		t.Errorf("lee's order: %v", err)
	}
	if err := <-kims; err != nil {
		t.Errorf("kim's order: %v", err)
	}
	s.Audit(t)
}

func TestASoldOutProductIsRefusedWithoutAWait(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.Postgres(t, sqlstore.Options{}))
	mug, kim := s.Product(t, 1000, 2), s.Customer(t, 5000)
	err := s.DB.Update(t.Context(), func(tx store.Tx) error { // another order holds the lock
		if _, err := tx.Stocks.Lock(t.Context(), []int64{mug}); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := s.Checkout.Place(ctx, checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 3)}}, store.Unguarded{})
		return err
	})
	if !errors.Is(err, product.ErrInsufficientStock) {
		t.Errorf("kim's order: %v, want ErrInsufficientStock", err)
	}
}

// ordering is a database that records whether the order is written when stocks are locked.
type ordering struct {
	store.DB
	written, locked bool
}

func (l *ordering) Update(ctx context.Context, fn func(store.Tx) error) error {
	return l.DB.Update(ctx, func(tx store.Tx) error {
		tx.Orders, tx.Stocks = orderingOrders{tx.Orders, l}, orderingStocks{tx.Stocks, l}
		return fn(tx)
	})
}

type orderingOrders struct {
	order.Table
	late *ordering
}

func (o orderingOrders) Add(placed order.Order) {
	o.late.written = true
	o.Table.Add(placed)
}

type orderingStocks struct {
	product.StockTable
	late *ordering
}

func (s orderingStocks) Lock(ctx context.Context, products []int64) ([]product.Stock, error) {
	s.late.locked = s.late.written
	return s.StockTable.Lock(ctx, products)
}

func TestAnOrderIsWrittenByTheTimeItsStockIsLocked(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		mug, kim, watched := s.Product(s.T, 1000, 2), s.Customer(s.T, 5000), &ordering{DB: s.DB}
		service := checkout.New(watched, s.IDs, time.Now, payment.DefaultPolicy())
		_, err := service.Place(s.T.Context(), checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}}, store.Unguarded{})
		if err != nil || !watched.locked {
			s.T.Errorf("%v; written before the lock: %v", err, watched.locked)
		}
	})
}
