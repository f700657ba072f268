package checkout_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// keyed is a guard whose answer has a status.
func keyed(user id.ID, key string, status int) store.Keyed[order.Order] {
	return store.Keyed[order.Order]{
		Key: store.Key{UserID: user, Route: "orders", Key: key}, Fingerprint: []byte(key), At: time.Now(),
		ToAnswer: func(o order.Order) (store.Answer, error) {
			return store.Answer{Status: status, Body: []byte(o.ID.String())}, nil
		},
	}
}

// together places one order of each product for a customer, with a guard for each.
func together(t *testing.T, service *checkout.Service, customer id.ID, products []int64, guards ...store.Guard) []checkout.Placement {
	t.Helper()
	var requests []checkout.Request
	for i := range guards {
		requests = append(requests, checkout.Request{UserID: customer, Lines: []order.Want{want(products[i], 1)}})
	}
	return service.PlaceTogether(t.Context(), requests, guards)
}

func TestAnOrderThatCannotBeWrittenFailsAlone(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		rare, mug, kim := s.Product(s.T, 10, 1), s.Product(s.T, 10, 9), s.Customer(s.T, 1000)
		const noStatus = 0 // which the table refuses
		got := together(s.T, s.Checkout, kim, []int64{mug, rare, rare, mug, mug}, store.Unguarded{}, keyed(kim, "bad", noStatus),
			keyed(kim, "good", 201), panicking{}, store.Unguarded{})
		// The third was refused first, because the second had taken what is left.
		for i, failed := range []bool{false, true, false, true, false} {
			if (got[i].Err != nil) != failed {
				s.T.Errorf("order %d: %v", i, got[i].Err)
			}
		}
		if _, ok := errors.AsType[*panics.Error](got[3].Err); !ok || errors.Is(got[1].Err, product.ErrInsufficientStock) {
			s.T.Errorf("%v; %v", got[1].Err, got[3].Err)
		}
		if r, m, b := s.Stock(s.T, rare), s.Stock(s.T, mug), s.Balance(s.T, kim); r != 0 || m != 7 || b != 970 {
			s.T.Errorf("left: %d, %d, %d won; want 0, 7, 970", r, m, b)
		}
		s.Audit(s.T)
	})
}

func TestAGroupThatMayBeCommittedIsNotPlacedAgain(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(context.Context, store.DB, func(store.Tx) error) error{
		"committed": func(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
			return errors.Join(db.Update(ctx, fn), store.ErrCommitUnknown)
		},
		"a panic afterwards": func(ctx context.Context, db store.DB, fn func(store.Tx) error) error {
			_ = db.Update(ctx, fn)
			panic("a bug")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnSQLite(t, func(s *shoptest.Shop) {
				mug, kim := s.Product(s.T, 10, 9), s.Customer(s.T, 1000)
				service := checkout.New(faulty{s.DB, wrong}, s.IDs, time.Now, payment.DefaultPolicy())
				for _, p := range together(s.T, service, kim, []int64{mug, mug, mug}, keyed(kim, "a", 201), store.Unguarded{}, store.Unguarded{}) {
					if !errors.Is(p.Err, store.ErrCommitUnknown) || !p.Order.ID.IsZero() {
						s.T.Errorf("%v, %v", p.Order.ID, p.Err)
					}
				}
				if m := s.Stock(s.T, mug); m != 6 {
					s.T.Errorf("%d are left, want 6", m)
				}
				// The key finds what became of its order.
				_, err := s.Checkout.Place(s.T.Context(), checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}}, keyed(kim, "a", 201))
				if !isRepeated(err) {
					s.T.Error(err)
				}
			})
		})
	}
}

func TestAGroupIsNotTakenApartWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		mug, kim, tries := s.Product(s.T, 10, 9), s.Customer(s.T, 1000), 0
		away := func(context.Context, store.DB, func(store.Tx) error) error {
			tries++
			return sqlstore.ErrUnavailable
		}
		service := checkout.New(faulty{s.DB, away}, s.IDs, time.Now, payment.DefaultPolicy())
		for _, p := range together(s.T, service, kim, []int64{mug, mug}, store.Unguarded{}, store.Unguarded{}) {
			if !errors.Is(p.Err, sqlstore.ErrUnavailable) {
				s.T.Error(p.Err)
			}
		}
		if tries != 1 {
			s.T.Errorf("%d transactions, want 1", tries)
		}
	})
}

func TestTwoRequestsWithOneKeyInAGroupAreOneOrder(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		mug, kim := s.Product(s.T, 10, 9), s.Customer(s.T, 1000)
		other := keyed(kim, "k", 201)
		other.Fingerprint = []byte("another body")
		got := together(s.T, s.Checkout, kim, []int64{mug, mug, mug}, keyed(kim, "k", 201), keyed(kim, "k", 201), other)
		repeated, _ := errors.AsType[*store.RepeatedError](got[1].Err)
		if got[0].Err != nil || repeated == nil || string(repeated.Kept.Body) != got[0].Order.ID.String() || !errors.Is(got[2].Err, store.ErrKeyReused) {
			s.T.Errorf("%+v", got)
		}
		if m := s.Stock(s.T, mug); m != 8 {
			s.T.Errorf("%d are left, want 8", m)
		}
	})
}

func TestAnOrderWhoseCallerIsGoneIsNotPlacedWithTheOthersOfItsGroup(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		mug, kim := s.Product(s.T, 10, 9), s.Customer(s.T, 1000)
		r := checkout.Request{UserID: kim, Lines: []order.Want{want(mug, 1)}}
		got := s.Checkout.PlaceTogether(s.T.Context(), []checkout.Request{r, r}, []store.Guard{store.Unguarded{}, store.Unguarded{}}, 0)
		if m := s.Stock(s.T, mug); !errors.Is(got[0].Err, context.Canceled) || got[1].Err != nil || m != 8 {
			s.T.Errorf("%v, %v; %d are left, want 8", got[0].Err, got[1].Err, m)
		}
	})
}
