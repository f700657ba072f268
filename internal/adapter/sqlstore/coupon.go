package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
)

type coupons struct{ *session }

// Add implements coupon.Table.
func (t coupons) Add(c coupon.Coupon) {
	t.exec(`
		INSERT INTO coupons (id, name, type, value, max_discount, min_order_amount, quantity, issued, valid_days, created_us)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		c.ID, c.Name, string(c.Type), c.Value, (*int64)(c.MaxDiscount), int64(c.MinOrderAmount), c.Quantity, c.Issued,
		c.ValidDays, micros(c.CreatedAt))
}

const (
	couponColumns = `c.id, c.name, c.type, c.value, c.max_discount, c.min_order_amount, c.quantity, c.issued, c.valid_days, c.created_us`
	selectCoupon  = `SELECT ` + couponColumns + ` FROM coupons c WHERE c.id = $1 `
)

// Get implements coupon.Table.
func (t coupons) Get(ctx context.Context, kind id.ID) (coupon.Coupon, error) {
	return first(ctx, t.each, stmt(selectCoupon, kind), scanCoupon, coupon.ErrNotFound)
}

// Lock implements coupon.Table.
func (t coupons) Lock(ctx context.Context, kind id.ID) (coupon.Coupon, error) {
	return first(ctx, t.change, stmt(selectCoupon+t.dialect.ForUpdate, kind), scanCoupon, coupon.ErrNotFound)
}

// Save implements coupon.Table.
func (t coupons) Save(c coupon.Coupon) {
	t.queue(Stmt{
		SQL:  `UPDATE coupons SET issued = $1 WHERE id = $2`,
		Args: []any{c.Issued, c.ID},
		Rows: 1, Mismatch: coupon.ErrNotFound,
	})
}

func scanCoupon(r row) (coupon.Coupon, error) { return scanCouponAfter(r) }

// scanCouponAfter reads a coupon from the last columns of a row.
func scanCouponAfter(r row, ahead ...any) (c coupon.Coupon, err error) {
	var created int64
	var most *int64
	err = r.Scan(append(ahead, &c.ID, &c.Name, &c.Type, &c.Value, &most, &c.MinOrderAmount, &c.Quantity, &c.Issued,
		&c.ValidDays, &created)...)
	c.MaxDiscount, c.CreatedAt = (*money.Won)(most), timeOf(created)
	return c, err
}
