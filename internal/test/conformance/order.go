package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

// placed adds a paid order of two products, and returns it as it is stored.
func (s *shop) placed(u user.User) order.Order {
	s.Helper()
	b := s.brand()
	o, err := s.order(u.ID, s.product(b.ID, 9), s.product(b.ID, 9)).Pay(noon().Add(time.Second))
	if err != nil {
		s.Fatal(err)
	}
	s.update(func(_ context.Context, tx store.Tx) error { tx.Orders.Add(o); return nil })
	return order.Restore(o, o.History())
}

func (s *shop) kept(oid id.ID) order.Order {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (order.Order, error) { return tx.Orders.Get(ctx, oid) })
}

func (s *shop) cancelled(o order.Order) order.Order {
	s.Helper()
	o, err := o.Cancel("changed my mind", noon().Add(time.Minute))
	if err != nil {
		s.Fatal(err)
	}
	return o
}

func orderTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"an order reads as it was added, with lines and history": orderReads,
		"a step is saved": stepSaved,
		"an order may be added and changed in one transaction":                         addedAndChanged,
		"an unknown order is not found":                                                orderUnknown,
		"orders are listed newest first, page by page, each user's own":                ordersListed,
		"a step from a version that is no longer the last runs again, on the last one": staleStep,
	}
}

func orderReads(s *shop) {
	o := s.placed(s.user())
	s.equal(o, s.kept(o.ID))
	s.equal(o, write(s, func(ctx context.Context, tx store.Tx) (order.Order, error) { return tx.Orders.Lock(ctx, o.ID) }))
}

func stepSaved(s *shop) {
	o := s.cancelled(s.placed(s.user()))
	s.update(func(_ context.Context, tx store.Tx) error { tx.Orders.Save(o); return nil })
	s.equal(order.Restore(o, o.History()), s.kept(o.ID))
}

func addedAndChanged(s *shop) {
	u, p := s.user(), s.product(s.brand().ID, 1)
	o := s.order(u.ID, p)
	s.update(func(ctx context.Context, tx store.Tx) error {
		tx.Orders.Add(o)
		locked, err := tx.Orders.Lock(ctx, o.ID)
		if err != nil {
			return err
		}
		o, err = locked.Pay(noon())
		tx.Orders.Save(o)
		return err
	})
	s.equal(order.Paid, s.kept(o.ID).Status())
}

func orderUnknown(s *shop) {
	s.refuses(order.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Orders.Get(ctx, s.ids())
		return err
	})
	s.refuses(order.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Orders.Lock(ctx, s.ids())
		return err
	})
}

func ordersListed(s *shop) {
	u := s.user()
	s.placed(s.user())
	var want []order.Order
	for range 5 {
		want = append([]order.Order{s.placed(u)}, want...)
	}
	page := func(before id.ID, size int, more bool, want []order.Order) {
		s.Helper()
		got, others := s.ordersOf(u.ID, before, size)
		s.equal(want, got)
		s.equal(more, others)
	}
	page(id.ID{}, 3, true, want[:3])
	page(want[2].ID, 3, false, want[3:])
	page(want[2].ID, 2, false, want[3:])
	page(want[4].ID, 3, false, nil)
}

// ordersOf returns orders of a user, and whether there are more.
func (s *shop) ordersOf(user, before id.ID, limit int) (found []order.Order, more bool) {
	s.Helper()
	found = read(s, func(ctx context.Context, tx store.Tx) (found []order.Order, err error) {
		found, more, err = tx.Orders.Of(ctx, user, before, limit)
		return found, err
	})
	return found, more
}

// The use cases lock an order before they change it. The version protects an order
// that is changed without a lock.
func staleStep(s *shop) {
	o := s.placed(s.user())
	stale := s.cancelled(o)
	s.update(func(_ context.Context, tx store.Tx) error { tx.Orders.Save(s.cancelled(o)); return nil })
	runs := 0
	s.refuses(order.ErrTransition, func(ctx context.Context, tx store.Tx) error {
		runs++
		if runs == 1 {
			tx.Orders.Save(stale) // as if read before the other one's commit
			return nil
		}
		fresh, err := tx.Orders.Get(ctx, o.ID)
		if err == nil {
			_, err = fresh.Cancel("again", noon())
		}
		return err
	})
	s.equal(2, runs)
	s.equal(int64(3), s.kept(o.ID).Version())
}
