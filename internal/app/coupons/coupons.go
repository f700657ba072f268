// Package coupons creates coupons and issues them to users, first come, first served.
package coupons

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/store"
)

// cursorName marks the cursors of this list, so that those of other lists are rejected.
const cursorName = "coupons"

// Service creates, issues and lists coupons.
type Service struct {
	db  store.DB
	ids id.Source
	now clock.Clock
}

// New returns a service.
func New(db store.DB, ids id.Source, now clock.Clock) *Service { return &Service{db, ids, now} }

// Draft is the input of Create.
type Draft struct {
	Name           string
	Type           coupon.Type
	Value          int64      // won, or percent
	MaxDiscount    *money.Won // upper bound of a percentage discount; nil is no bound
	MinOrderAmount money.Won  // of the order, before the discount
	Quantity       int64      // how many users can get one
	ValidDays      int64      // validity from issue on, in days of 24 hours
}

// Create creates a coupon. It returns fault.ErrValidation with all errors of the draft.
func (s *Service) Create(ctx context.Context, draft Draft, guard store.Guard) (coupon.Coupon, error) {
	created, err := coupon.Coupon{
		ID: s.ids(), Name: draft.Name, Type: draft.Type, Value: draft.Value,
		MaxDiscount: draft.MaxDiscount, MinOrderAmount: draft.MinOrderAmount,
		Quantity: draft.Quantity, ValidDays: draft.ValidDays, CreatedAt: s.now(),
	}.Clean()
	if err != nil {
		return coupon.Coupon{}, err
	}
	err = s.db.Update(ctx, func(tx store.Tx) error {
		if err := guard.Enter(ctx, tx); err != nil {
			return err
		}
		tx.Coupons.Add(created)
		return guard.Leave(ctx, tx, created)
	})
	return created, err
}

// Get returns a coupon with the number of users who have one, or coupon.ErrNotFound.
func (s *Service) Get(ctx context.Context, couponID id.ID) (c coupon.Coupon, err error) {
	err = s.db.View(ctx, func(tx store.Tx) error {
		c, err = tx.Coupons.Get(ctx, couponID)
		return err
	})
	return c, err
}

// List returns a page of a user's coupons, newest first. Used and expired coupons are
// part of it.
func (s *Service) List(ctx context.Context, user id.ID, size int, cursor string) (page.Page[coupon.IssuedCoupon], error) {
	before, _, err := page.Decode[id.ID](cursorName, cursor)
	if err != nil {
		return page.Page[coupon.IssuedCoupon]{}, err
	}
	var found []coupon.IssuedCoupon
	err = s.db.View(ctx, func(tx store.Tx) error {
		found, err = tx.Owned.Of(ctx, user, before, size+1)
		return err
	})
	return page.Of(found, size, cursorName, func(o coupon.IssuedCoupon) id.ID { return o.ID }), err
}
