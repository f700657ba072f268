package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

// everything writes to every table. Some writes are sent, the rest is queued when it
// returns.
func (s *shop) everything(ctx context.Context, tx store.Tx, u user.User, productID int64) error {
	o := s.order(u.ID, s.listing(productID).Product)
	tx.Orders.Add(o)
	tx.Outbox.Append(noon(), o.PlacedEvent())
	s.couponAndPayment(tx, o)
	tx.Keys.Keep(store.Key{UserID: u.ID, Route: "r", Key: "k"}, store.Answer{Status: 200, At: noon()})
	tx.Likes.AddCounts(map[int64]int64{productID: 1})
	tx.Metrics.Add([]metric.Counters{{ProductID: productID, Day: 20251103, Views: 1}})
	if err := errors.Join(s.take(ctx, tx, 1, productID), s.spend(ctx, tx, u.ID, 10)); err != nil {
		return err
	}
	if _, err := tx.Likes.Add(ctx, like.Like{UserID: u.ID, ProductID: productID, At: noon()}); err != nil {
		return err
	}
	if _, err := tx.Handled.Mark(ctx, "c", []id.ID{{1}}, noon()); err != nil {
		return err
	}
	if _, err := tx.Leases.Acquire(ctx, "me", time.Minute, []store.LeaseTerm{{Name: "l"}}); err != nil {
		return err
	}
	tx.Outbox.Append(noon(), event.NewProductLiked(productID, u.ID)) // queued to the end
	return nil
}

// couponAndPayment queues a coupon of the order's user, and a payment of the order
// with a charge.
func (s *shop) couponAndPayment(tx store.Tx, o order.Order) {
	c := coupon.Coupon{ID: id.ID{7}, Name: "c", Type: coupon.Fixed, Value: 1, Quantity: 1, ValidDays: 1, CreatedAt: noon()}
	tx.Coupons.Add(c)
	tx.Owned.Add(coupon.IssuedCoupon{ID: id.ID{8}, UserID: o.UserID, Coupon: c, IssuedAt: noon(), ExpiresAt: noon()})
	o.Card = 1
	p := s.payment(o, noon())
	p.ID = id.ID{9}
	tx.Payments.Add(p)
	tx.Charges.Save(payment.Charge{Key: "k", OrderID: id.ID{9}, Status: payment.ChargeSucceeded, Refund: payment.NoRefund}, noon())
}

// papersKept returns how many rows of couponAndPayment are stored.
func (s *shop) papersKept(user id.ID) int {
	return read(s, func(ctx context.Context, tx store.Tx) (int, error) {
		owned, one := tx.Owned.Of(ctx, user, id.ID{}, 10)
		payments, two := tx.Payments.Find(ctx, payment.Filter{}, id.ID{}, 10)
		notes, three := tx.Payments.History(ctx, id.ID{9})
		charges, four := tx.Charges.Of(ctx, id.ID{9})
		return len(owned) + len(payments) + len(notes) + len(charges), errors.Join(one, two, three, four)
	})
}

// untouched fails the test if a write of everything is stored.
func (s *shop) untouched(u user.User, productID int64) {
	s.Helper()
	s.noSignal()
	s.equal(0, len(s.outbox(everyLane(), 10)))
	s.equal(0, s.papersKept(u.ID))
	s.refuses(coupon.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Coupons.Get(ctx, id.ID{7})
		return err
	})
	l := s.listing(productID)
	s.equal([]int64{5, 0}, []int64{l.Stock, l.LikeCount})
	s.equal(int64(50), int64(s.balance(u.ID)))
	s.equal(0, len(s.top(ranking.NewSchedule(), 20251103, 0, 10)))
	s.update(func(ctx context.Context, tx store.Tx) error {
		found, _, err := tx.Orders.Of(ctx, u.ID, id.ID{}, 10)
		s.equal(0, len(found))
		return err
	})
	s.equal(true, s.like(u.ID, productID, noon()))
	s.equal([]id.ID{{1}}, s.mark("c", id.ID{1}))
	s.equal([]string{"l"}, namesOf(s.acquire("other", long, nil, "l")))
	if s.claim(store.Key{UserID: u.ID, Route: "r", Key: "k"}) != nil {
		s.Error("an answer was kept")
	}
}

func (s *shop) stocked() (user.User, int64) {
	s.Helper()
	u, p := s.user(), s.product(s.brand().ID, 5)
	s.charge(u.ID, 50)
	return u, p.ID
}

func rollbackTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"all of it is there after a commit":                                    everythingCommits,
		"nothing is there after an error of fn":                                errorRollsBack,
		"nothing is there after an error of the last queued write":             queuedErrorRollsBack,
		"nothing is there after a panic, and the store works on":               panicRollsBack,
		"a panic between the rows of a read does no harm":                      panicBetweenRows,
		"nothing is there after the context has ended, and the store works on": endedContext,
		"a read whose context has ended fails, and the store works on":         endedRead,
		"a transaction that waits for a lock ends with its context":            lockWaitEnds,
	}
}

func everythingCommits(s *shop) {
	u, pid := s.stocked()
	s.update(func(ctx context.Context, tx store.Tx) error { return s.everything(ctx, tx, u, pid) })
	<-s.db.Committed()
	s.equal(2, len(s.outbox(everyLane(), 10)))
	s.equal(4, s.papersKept(u.ID))
	s.equal([]int64{4, 1}, []int64{s.listing(pid).Stock, s.listing(pid).LikeCount})
	s.equal(int64(40), int64(s.balance(u.ID)))
	s.equal(false, s.like(u.ID, pid, noon()))
}

func errorRollsBack(s *shop) {
	u, pid := s.stocked()
	s.refuses(errBoom, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(s.everything(ctx, tx, u, pid), errBoom)
	})
	s.untouched(u, pid)
}

func queuedErrorRollsBack(s *shop) {
	u, pid := s.stocked()
	s.refuses(user.ErrLoginIDTaken, func(ctx context.Context, tx store.Tx) error {
		err := s.everything(ctx, tx, u, pid)
		again := u
		again.ID, again.Email = s.ids(), "again@example.com"
		tx.Users.Add(again)
		return err
	})
	s.untouched(u, pid)
}

func panicRollsBack(s *shop) {
	u, pid := s.stocked()
	func() {
		defer func() { s.equal(any("boom"), recover()) }()
		_ = s.db.Update(s.Context(), func(tx store.Tx) error {
			s.equal(nil, s.everything(s.Context(), tx, u, pid))
			panic("boom")
		})
	}()
	s.untouched(u, pid)
}

func panicBetweenRows(s *shop) {
	s.count(metric.Counters{ProductID: 1, Day: 20251103}, metric.Counters{ProductID: 2, Day: 20251103})
	for _, run := range []func(context.Context, func(store.Tx) error) error{s.db.Update, s.db.View, s.db.Snapshot} {
		for range 20 { // more often than there are connections
			func() {
				defer func() { s.equal(any("boom"), recover()) }()
				_ = run(s.Context(), func(tx store.Tx) error {
					return tx.Metrics.All(s.Context(), 20251103, 20251103, func(metric.Counters) error {
						panic("boom")
					})
				})
			}()
		}
	}
	s.user()
}

func endedContext(s *shop) {
	u, pid := s.stocked()
	for range 20 { // more often than there are connections
		ctx, cancel := context.WithCancel(s.Context())
		err := s.db.Update(ctx, func(tx store.Tx) error {
			err := s.everything(ctx, tx, u, pid)
			cancel()
			return err
		})
		if !errors.Is(err, context.Canceled) {
			s.Fatalf("an update whose context has ended: %v", err)
		}
	}
	s.untouched(u, pid)
}

func endedRead(s *shop) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	for _, run := range []func(context.Context, func(store.Tx) error) error{s.db.Update, s.db.View, s.db.Snapshot} {
		for range 20 {
			err := run(s.Context(), func(tx store.Tx) error {
				_, err := tx.Brands.Get(ctx, 1)
				return err
			})
			if !errors.Is(err, context.Canceled) {
				s.Fatalf("a read whose context has ended: %v", err)
			}
		}
	}
	s.user()
}

func lockWaitEnds(s *shop) {
	_, pid := s.stocked()
	s.update(func(ctx context.Context, tx store.Tx) error {
		if err := s.take(ctx, tx, 1, pid); err != nil {
			return err
		}
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		err := s.db.Update(short, func(tx store.Tx) error { return s.take(short, tx, 1, pid) })
		if !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("a transaction whose context has ended: %v", err)
		}
		return nil
	})
	s.equal(int64(4), s.listing(pid).Stock)
}
