package coupons

import (
	"cmp"
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Issue gives a user one of the coupons that are left. It ends in
// coupon.ErrNotFound, in coupon.ErrIssued where the user has one already, and
// else in coupon.ErrSoldOut. Those two may end it before the guard is entered:
// who comes too late must not queue for a row that has nothing left.
func (d *Service) Issue(ctx context.Context, user, couponID id.ID, guard store.Guard) (owned coupon.Owned, err error) {
	if err := d.db.View(ctx, func(tx store.Tx) error { return left(ctx, tx, user, couponID) }); err != nil {
		return owned, err
	}
	err = d.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		if owned, err = d.take(ctx, tx, user, couponID); err != nil {
			return err
		}
		return guard.Leave(ctx, tx, owned)
	})
	if err != nil {
		return coupon.Owned{}, err
	}
	return owned, nil
}

// left reports, without a lock, whether one could be given to the user.
func left(ctx context.Context, tx store.Tx, user, couponID id.ID) error {
	c, err := tx.Coupons.Get(ctx, couponID)
	if err != nil {
		return err
	}
	if err := unlessOwned(ctx, tx, user, couponID); err != nil {
		return err
	}
	_, _, err = c.Issue(id.ID{}, user, c.CreatedAt)
	return err
}

// take counts one as issued and makes it the user's. The row is held for one
// round trip, since all who want one wait for it: whether the user has one by
// now is not asked again, but left to the table, which has room for one each.
func (d *Service) take(ctx context.Context, tx store.Tx, user, couponID id.ID) (coupon.Owned, error) {
	c, err := tx.Coupons.Lock(ctx, couponID)
	if err != nil {
		return coupon.Owned{}, err
	}
	c, owned, err := c.Issue(d.ids(), user, d.now())
	if err != nil { // sold out: perhaps the last one went to this very user
		return owned, cmp.Or(unlessOwned(ctx, tx, user, couponID), err)
	}
	tx.Owned.Add(owned)
	tx.Coupons.Save(c)
	return owned, nil
}

// unlessOwned ends in coupon.ErrIssued if the user has one.
func unlessOwned(ctx context.Context, tx store.Tx, user, couponID id.ID) error {
	has, err := tx.Owned.Has(ctx, user, couponID)
	if has {
		return coupon.ErrIssued
	}
	return err
}
