package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
)

// offer adds an offer of a quantity.
func (s *shop) offer(quantity int64) coupon.Coupon {
	s.Helper()
	c := coupon.Coupon{
		ID: s.ids(), Name: "Ten won off", Type: coupon.Fixed, Value: 10, Quantity: quantity, ValidDays: 30, CreatedAt: noon(),
	}
	s.update(func(_ context.Context, tx store.Tx) error { tx.Coupons.Add(c); return nil })
	return c
}

// issue issues a coupon of an offer to a user, as the use case does.
func (s *shop) issue(ctx context.Context, tx store.Tx, kind, user id.ID) (coupon.IssuedCoupon, error) {
	c, err := tx.Coupons.Lock(ctx, kind)
	if err != nil {
		return coupon.IssuedCoupon{}, err
	}
	c, o, err := c.Issue(s.ids(), user, noon())
	if err != nil {
		return o, err
	}
	tx.Coupons.Save(c)
	tx.Owned.Add(o)
	return o, nil
}

// own runs issue in an Update.
func (s *shop) own(kind, user id.ID) coupon.IssuedCoupon {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (coupon.IssuedCoupon, error) {
		return s.issue(ctx, tx, kind, user)
	})
}

func (s *shop) coupon(kind id.ID) coupon.Coupon {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (coupon.Coupon, error) { return tx.Coupons.Get(ctx, kind) })
}

func (s *shop) lockOwned(user, named id.ID) coupon.IssuedCoupon {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (coupon.IssuedCoupon, error) {
		return tx.Owned.Lock(ctx, user, named)
	})
}

func couponTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a coupon reads as it was added, and as it was issued":      couponReads,
		"an unknown coupon is not found":                            couponUnknown,
		"an owned coupon is found by its id or the id of its offer": ownedFound,
		"whether a coupon was used is saved, and given back":        ownedSaved,
		"a user has one coupon of a kind":                           ownedOnce,
		"a user's coupons are listed newest first, page by page":    ownedListed,
		"no more coupons are issued at once than the quantity":      issueRace,
		"a coupon is issued to a user once, however often at once":  issueTwiceRace,
		"one coupon pays for one of many orders at once":            useRace,
	}
}

func couponReads(s *shop) {
	most := money.Won(3_000)
	percent := coupon.Coupon{
		ID: s.ids(), Name: "A tenth", Type: coupon.Percent, Value: 10, MaxDiscount: &most, MinOrderAmount: 500, Quantity: 9,
		ValidDays: 7, CreatedAt: noon(),
	}
	s.update(func(_ context.Context, tx store.Tx) error { tx.Coupons.Add(percent); return nil })
	for _, c := range []coupon.Coupon{s.offer(1), percent} {
		s.equal(c, s.coupon(c.ID))
		s.equal(c, write(s, func(ctx context.Context, tx store.Tx) (coupon.Coupon, error) { return tx.Coupons.Lock(ctx, c.ID) }))
		s.own(c.ID, s.user().ID)
		c.Issued++
		s.equal(c, s.coupon(c.ID))
	}
}

func couponUnknown(s *shop) {
	u := s.user()
	for _, find := range []func(context.Context, store.Tx) error{
		func(ctx context.Context, tx store.Tx) error { _, err := tx.Coupons.Get(ctx, s.ids()); return err },
		func(ctx context.Context, tx store.Tx) error { _, err := tx.Coupons.Lock(ctx, s.ids()); return err },
		func(ctx context.Context, tx store.Tx) error { _, err := tx.Owned.Lock(ctx, u.ID, s.ids()); return err },
		func(_ context.Context, tx store.Tx) error { tx.Coupons.Save(coupon.Coupon{ID: s.ids()}); return nil },
		func(_ context.Context, tx store.Tx) error {
			tx.Owned.Save(coupon.IssuedCoupon{ID: s.ids()})
			return nil
		},
	} {
		s.refuses(coupon.ErrNotFound, find)
	}
}

func ownedFound(s *shop) {
	u, other := s.user(), s.user()
	c, kind := s.offer(5), s.offer(5)
	mine, theirs := s.own(c.ID, u.ID), s.own(c.ID, other.ID)
	s.own(kind.ID, other.ID)
	mine.Coupon.Issued, theirs.Coupon.Issued = 2, 2
	s.equal(mine, s.lockOwned(u.ID, mine.ID))
	s.equal(mine, s.lockOwned(u.ID, c.ID))
	s.equal(theirs, s.lockOwned(other.ID, c.ID))
	for _, named := range []id.ID{theirs.ID, kind.ID, u.ID} {
		s.refuses(coupon.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Owned.Lock(ctx, u.ID, named)
			return err
		})
	}
	has := func(user, kind id.ID) bool {
		return read(s, func(ctx context.Context, tx store.Tx) (bool, error) { return tx.Owned.Has(ctx, user, kind) })
	}
	s.equal([]bool{true, false, true}, []bool{has(u.ID, c.ID), has(u.ID, kind.ID), has(other.ID, kind.ID)})
}

func ownedSaved(s *shop) {
	u, c := s.user(), s.offer(1)
	o := s.own(c.ID, u.ID)
	used, err := o.Use(s.ids(), noon().Add(time.Hour))
	if err != nil {
		s.Fatal(err)
	}
	for _, next := range []coupon.IssuedCoupon{used, used.Release()} {
		s.update(func(_ context.Context, tx store.Tx) error { tx.Owned.Save(next); return nil })
		next.Coupon.Issued = 1
		s.equal(next, s.lockOwned(u.ID, o.ID))
	}
}

func ownedOnce(s *shop) {
	u, c := s.user(), s.offer(5)
	s.own(c.ID, u.ID)
	s.refuses(coupon.ErrIssued, func(ctx context.Context, tx store.Tx) error {
		_, err := s.issue(ctx, tx, c.ID, u.ID)
		return err
	})
	s.equal(int64(1), s.coupon(c.ID).Issued)
}

func ownedListed(s *shop) {
	u := s.user()
	s.own(s.offer(1).ID, s.user().ID)
	var want []coupon.IssuedCoupon
	for range 5 {
		o := s.own(s.offer(1).ID, u.ID)
		o.Coupon.Issued = 1
		want = append([]coupon.IssuedCoupon{o}, want...)
	}
	page := func(before id.ID) []coupon.IssuedCoupon {
		return read(s, func(ctx context.Context, tx store.Tx) ([]coupon.IssuedCoupon, error) {
			return tx.Owned.Of(ctx, u.ID, before, 3)
		})
	}
	s.equal(want[:3], page(id.ID{}))
	s.equal(want[3:], page(want[2].ID))
	s.equal(0, len(page(want[4].ID)))
}

func issueRace(s *shop) {
	c := s.offer(5)
	users := make([]id.ID, 16)
	for i := range users {
		users[i] = s.user().ID
	}
	issued := s.atOnce(len(users), coupon.ErrSoldOut, func(ctx context.Context, tx store.Tx, i int) error {
		_, err := s.issue(ctx, tx, c.ID, users[i])
		return err
	})
	s.equal([]int64{5, 5}, []int64{issued, s.coupon(c.ID).Issued})
	s.sound(store.Audit.Coupons)
}

func issueTwiceRace(s *shop) {
	u, c := s.user(), s.offer(100)
	issued := s.atOnce(16, coupon.ErrIssued, func(ctx context.Context, tx store.Tx, _ int) error {
		_, err := s.issue(ctx, tx, c.ID, u.ID)
		return err
	})
	s.equal([]int64{1, 1}, []int64{issued, s.coupon(c.ID).Issued})
}

func useRace(s *shop) {
	u, p, c := s.user(), s.product(s.brand().ID, 1), s.offer(1)
	mine := s.own(c.ID, u.ID)
	used := s.atOnce(16, coupon.ErrAlreadyUsed, func(ctx context.Context, tx store.Tx, i int) error {
		owned, err := tx.Owned.Lock(ctx, u.ID, []id.ID{mine.ID, c.ID}[i%2])
		if err != nil {
			return err
		}
		o := s.discounted(s.order(u.ID, p), owned, 0)
		if owned, err = owned.Use(o.ID, noon()); err != nil {
			return err
		}
		tx.Owned.Save(owned)
		tx.Orders.Add(o)
		return nil
	})
	s.equal(int64(1), used)
	s.sound(store.Audit.Coupons)
}
