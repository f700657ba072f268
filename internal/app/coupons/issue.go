package coupons

import (
	"cmp"
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Issue issues a coupon to a user. It returns coupon.ErrNotFound, coupon.ErrIssued if the
// user already has one, or coupon.ErrSoldOut. It checks these errors first without a lock,
// before it enters the guard: requests for a sold-out coupon must not wait for the row lock.
func (s *Service) Issue(ctx context.Context, user, couponID id.ID, guard store.Guard) (issued coupon.IssuedCoupon, err error) {
	if err := s.db.View(ctx, func(tx store.Tx) error { return checkAvailable(ctx, tx, user, couponID) }); err != nil {
		return issued, err
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		if issued, err = s.issueLocked(ctx, tx, user, couponID); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, issued)
	})
	if err != nil {
		return coupon.IssuedCoupon{}, err
	}
	return issued, nil
}

// checkAvailable checks without a lock whether the coupon can be issued to the user.
func checkAvailable(ctx context.Context, tx store.Tx, user, couponID id.ID) error {
	c, err := tx.Coupons.Get(ctx, couponID)
	if err != nil {
		return err
	}
	if err := checkNotOwned(ctx, tx, user, couponID); err != nil {
		return err
	}
	_, _, err = c.Issue(id.ID{}, user, c.CreatedAt)
	return err
}

// issueLocked locks the coupon, counts one more as issued and gives it to the user. All
// requests for the coupon wait for this lock, so it is held for one round trip only:
// instead of a second query, the table's unique key rejects a second coupon of the user.
func (s *Service) issueLocked(ctx context.Context, tx store.Tx, user, couponID id.ID) (coupon.IssuedCoupon, error) {
	c, err := tx.Coupons.Lock(ctx, couponID)
	if err != nil {
		return coupon.IssuedCoupon{}, err
	}
	c, owned, err := c.Issue(s.ids(), user, s.now())
	if err != nil { // sold out, perhaps because this user got the last one
		return owned, cmp.Or(checkNotOwned(ctx, tx, user, couponID), err)
	}
	tx.Owned.Add(owned)
	tx.Coupons.Save(c)
	return owned, nil
}

// checkNotOwned returns coupon.ErrIssued if the user already has the coupon.
func checkNotOwned(ctx context.Context, tx store.Tx, user, couponID id.ID) error {
	has, err := tx.Owned.Has(ctx, user, couponID)
	if has {
		return coupon.ErrIssued
	}
	return err
}
