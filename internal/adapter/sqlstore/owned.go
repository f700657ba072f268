package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
)

type owned struct{ *session }

// Add implements coupon.OwnedTable.
func (t owned) Add(o coupon.IssuedCoupon) {
	t.queue(Stmt{
		SQL:  `INSERT INTO owned_coupons (id, user_id, coupon_id, issued_us, expires_us) VALUES ($1, $2, $3, $4, $5)`,
		Args: []any{o.ID, o.UserID, o.Coupon.ID, micros(o.IssuedAt), micros(o.ExpiresAt)}, Rows: Any,
		Faults: Faults{"owned_coupons_user_id_coupon_id_key": coupon.ErrIssued},
	})
}

// Has implements coupon.OwnedTable.
func (t owned) Has(ctx context.Context, user, kind id.ID) (bool, error) {
	n, err := count(ctx, t.each, stmt(`SELECT 1 FROM owned_coupons WHERE user_id = $1 AND coupon_id = $2`, user, kind))
	return n > 0, err
}

// The offer is not locked: only its number of issued coupons changes, and a user who
// is issued a coupon must not wait for an order. The owned row is locked by findOwned.
const (
	ownedColumns = `o.id, o.user_id, o.issued_us, o.expires_us, o.used_us, o.order_id, ` + couponColumns
	selectOwned  = `SELECT ` + ownedColumns + ` FROM owned_coupons o JOIN coupons c ON c.id = o.coupon_id `
)

const findOwned = `SELECT id FROM owned_coupons WHERE user_id = $1 AND (id = $2 OR coupon_id = $2) `

// Lock implements coupon.OwnedTable.
func (t owned) Lock(ctx context.Context, user, named id.ID) (coupon.IssuedCoupon, error) {
	q := stmt(findOwned+t.dialect.ForUpdate, user, named)
	oid, err := first(ctx, t.change, q, scalar[id.ID], coupon.ErrNotFound)
	if err != nil {
		return coupon.IssuedCoupon{}, err
	}
	return first(ctx, t.change, stmt(selectOwned+`WHERE o.id = $1`, oid), scanOwned, coupon.ErrNotFound)
}

// Save implements coupon.OwnedTable.
func (t owned) Save(o coupon.IssuedCoupon) {
	t.queue(Stmt{
		SQL:  `UPDATE owned_coupons SET used_us = $1, order_id = $2 WHERE id = $3`,
		Args: []any{microsOrNil(o.UsedAt), o.OrderID, o.ID},
		Rows: 1, Mismatch: coupon.ErrNotFound,
	})
}

// SaveAll implements coupon.OwnedTable.
func (t owned) SaveAll(coupons []coupon.IssuedCoupon) {
	t.updateAll("owned_coupons", coupon.ErrNotFound,
		Column{"id", UUID, collect(coupons, func(o coupon.IssuedCoupon) id.ID { return o.ID })},
		Column{"used_us", BigInt, collect(coupons, func(o coupon.IssuedCoupon) *int64 { return microsOrNil(o.UsedAt) })},
		Column{"order_id", UUID, collect(coupons, func(o coupon.IssuedCoupon) *id.ID { return o.OrderID })},
	)
}

// Of implements coupon.OwnedTable.
func (t owned) Of(ctx context.Context, user, before id.ID, limit int) ([]coupon.IssuedCoupon, error) {
	return all(ctx, t.each, ownedStmt(user, before, limit), scanOwned)
}

func ownedStmt(user, before id.ID, limit int) Stmt {
	w := where{text: "WHERE o.user_id = $1", args: []any{user}}
	if !before.IsZero() {
		w.and("o.id < %s", before)
	}
	return page(selectOwned, w, "o.id DESC", limit)
}

func scanOwned(r row) (o coupon.IssuedCoupon, err error) {
	var issued, expires int64
	var used *int64
	o.Coupon, err = scanCouponAfter(r, &o.ID, &o.UserID, &issued, &expires, &used, &o.OrderID)
	o.IssuedAt, o.ExpiresAt, o.UsedAt = timeOf(issued), timeOf(expires), timeOrNil(used)
	return o, err
}
