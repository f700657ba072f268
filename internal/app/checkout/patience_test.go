package checkout_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// observed is a database that reports when a transaction is about to wait for rows.
type observed struct {
	store.DB
	about func()
}

func (o observed) Update(ctx context.Context, fn func(store.Tx) error) error {
	return o.DB.Update(ctx, func(tx store.Tx) error {
		tx.Group = waits{tx.Group, o.about}
		return fn(tx)
	})
}

type waits struct {
	store.GroupTable
	about func()
}

func (w waits) Lock(ctx context.Context, n store.GroupNeeds) (store.GroupState, error) {
	if len(n.Wait.Wallets)+len(n.Wait.Products)+len(n.Wait.Coupons) > 0 {
		w.about()
	}
	return w.GroupTable.Lock(ctx, n)
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

// A product that somebody else holds stops its own orders only: neither those of other
// products, nor those of a product that is in a basket with it.
func TestOrdersOfAProductThatIsHeldWaitAlone(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.Postgres(t, sqlstore.Options{}))
	mug, held := s.Product(t, 10, 100), s.Product(t, 10, 100) // in this order: locks are taken by id
	waits := make(chan struct{})
	service := checkout.New(observed{s.DB, sync.OnceFunc(func() { close(waits) })}, s.IDs, time.Now, payment.DefaultPolicy())
	place := func(ctx context.Context, products ...int64) error {
		r := checkout.Request{UserID: s.Customer(t, 1000)}
		for _, pid := range products {
			r.Lines = append(r.Lines, want(pid, 1))
		}
		_, err := service.Place(ctx, r, store.Unguarded{})
		return err
	}
	results := make(chan error, 20)
	err := s.DB.Update(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Stocks.Lock(t.Context(), []int64{held}); err != nil {
			return err
		}
		for range cap(results) {
			go func() { results <- place(t.Context(), held, mug) }()
		}
		<-waits
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return errors.Join(shoptest.AtOnce(20, func(int) error { return place(ctx, mug) })...)
	})
	for range cap(results) {
		err = errors.Join(err, <-results)
	}
	if err != nil {
		t.Error(err)
	}
	if h, m := s.Stock(t, held), s.Stock(t, mug); h != 80 || m != 60 {
		t.Errorf("%d and %d are left, want 80 and 60", h, m)
	}
	s.Audit(t)
}

func TestAnOrderWhoseCallerIsGoneIsNotPlaced(t *testing.T) {
	t.Parallel()
	s := shoptest.New(t, storetest.Postgres(t, sqlstore.Options{}))
	mug, kim, lee := s.Product(t, 10, 100), s.Customer(t, 1000), s.Customer(t, 1000)
	waits := make(chan struct{})
	service := checkout.New(observed{s.DB, sync.OnceFunc(func() { close(waits) })}, s.IDs, time.Now, payment.DefaultPolicy())
	place := func(ctx context.Context, customer id.ID) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := service.Place(ctx, checkout.Request{UserID: customer, Lines: []order.Want{want(mug, 1)}}, store.Unguarded{})
			ended <- err
		}()
		return ended
	}
	err := s.DB.Update(t.Context(), func(tx store.Tx) error {
		if _, err := tx.Stocks.Lock(t.Context(), []int64{mug}); err != nil {
			return err
		}
		kims, leave := context.WithCancel(t.Context())
		inGroup := place(kims, kim)
		<-waits
		lees, leaveToo := context.WithCancel(t.Context())
		inLane := place(lees, lee)
		for waiting(service) == 0 {
			runtime.Gosched()
		}
		leaveToo()
		if err := <-inLane; errors.Is(err, store.ErrCommitUnknown) || !errors.Is(err, context.Canceled) {
			t.Errorf("an order that waits: %v", err)
		}
		leave() // the transaction ends, because nobody waits for it any more
		if err := <-inGroup; !errors.Is(err, context.Canceled) {
			t.Errorf("an order in a transaction: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-place(t.Context(), kim); err != nil { // it comes after what waited for the lock
		t.Error(err)
	}
	if left := s.Stock(t, mug); left != 99 || waiting(service) != 0 {
		t.Errorf("%d are left, want 99", left)
	}
	s.Audit(t)
}

func waiting(s *checkout.Service) int {
	orders, inLanes, _ := s.Waiting()
	return orders + inLanes
}
