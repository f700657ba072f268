// Package coupons offers coupons, and gives them to whoever asks first.
package coupons

import (
	"context"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
)

// list names the cursors of a user's coupons.
const list = "coupons"

// Service gives coupons out.
type Service struct {
	db  store.DB
	ids id.Source
	now clock.Clock
}

// New returns a desk.
func New(db store.DB, ids id.Source, now clock.Clock) *Service { return &Service{db, ids, now} }

// Draft is a coupon to be offered.
type Draft struct {
	Name           string
	Type           coupon.Type
	Value          int64      // won, or percent
	MaxDiscount    *money.Won // the most that a percentage takes off; nil: no limit
	MinOrderAmount money.Won  // of an order, before the discount
	Quantity       int64      // how many people may have one
	ValidDays      int64      // how long each is good for, in days of 24 hours
}

// Create offers a coupon; or it ends in fault.ErrValidation, with every
// complaint about the draft.
func (d *Service) Create(ctx context.Context, draft Draft, guard store.Guard) (coupon.Coupon, error) {
	made := coupon.Coupon{
		ID: d.ids(), Name: strings.TrimSpace(draft.Name), Type: draft.Type, Value: draft.Value,
		MaxDiscount: draft.MaxDiscount, MinOrderAmount: draft.MinOrderAmount,
		Quantity: draft.Quantity, ValidDays: draft.ValidDays, CreatedAt: d.now(),
	}
	if err := made.Check(); err != nil {
		return coupon.Coupon{}, err
	}
	err := d.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		tx.Coupons.Add(made)
		return guard.Leave(ctx, tx, made)
	})
	return made, err
}

// Get returns an offer, with how many people have one, or coupon.ErrNotFound.
func (d *Service) Get(ctx context.Context, couponID id.ID) (c coupon.Coupon, err error) {
	err = d.db.View(ctx, func(tx store.Tx) error {
		c, err = tx.Coupons.Get(ctx, couponID)
		return err
	})
	return c, err
}

// List returns a page of the coupons that a user has, newest first, those among
// them that were used or have expired.
func (d *Service) List(ctx context.Context, user id.ID, size int, cursor string) (page.Page[coupon.Owned], error) {
	before, _, err := page.Decode[id.ID](list, cursor)
	if err != nil {
		return page.Page[coupon.Owned]{}, err
	}
	var found []coupon.Owned
	err = d.db.View(ctx, func(tx store.Tx) error {
		found, err = tx.Owned.Of(ctx, user, before, size+1)
		return err
	})
	return page.Of(found, size, list, func(o coupon.Owned) id.ID { return o.ID }), err
}
