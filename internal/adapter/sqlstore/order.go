package sqlstore

import (
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
)

type orders struct{ *session }

// Add implements order.Table.
func (t orders) Add(added ...order.Order) {
	ids := func(of func(order.Order) *id.ID) []*id.ID { return collect(added, of) }
	won := func(of func(order.Order) money.Won) []int64 {
		return collect(added, func(o order.Order) int64 { return int64(of(o)) })
	}
	t.insertAll("orders", nil,
		Column{"id", UUID, collect(added, func(o order.Order) id.ID { return o.ID })},
		Column{"user_id", UUID, collect(added, func(o order.Order) id.ID { return o.UserID })},
		Column{"status", Text, collect(added, func(o order.Order) string { return string(o.Status()) })},
		Column{"version", BigInt, collect(added, order.Order.Version)},
		Column{"amount", BigInt, won(func(o order.Order) money.Won { return o.Amount })},
		Column{"discount", BigInt, won(func(o order.Order) money.Won { return o.Discount })},
		Column{"points", BigInt, won(func(o order.Order) money.Won { return o.Points })},
		Column{"card", BigInt, won(func(o order.Order) money.Won { return o.Card })},
		Column{"created_us", BigInt, collect(added, func(o order.Order) int64 { return micros(o.CreatedAt) })},
		Column{"owned_coupon_id", UUID, ids(func(o order.Order) *id.ID { return couponPart(o, func(c *order.Coupon) *id.ID { return &c.ID }) })},
		Column{"coupon_id", UUID, ids(func(o order.Order) *id.ID { return couponPart(o, func(c *order.Coupon) *id.ID { return &c.CouponID }) })},
		Column{"coupon_name", Text, collect(added, func(o order.Order) *string { return couponPart(o, func(c *order.Coupon) *string { return &c.Name }) })},
	)
	t.addLines(added)
	t.addSteps(added...)
}

// couponPart returns a part of the coupon of an order, or nil without a coupon.
func couponPart[T any](o order.Order, part func(*order.Coupon) *T) *T {
	if o.Coupon == nil {
		return nil
	}
	return part(o.Coupon)
}

// Save implements order.Table. If another transaction has changed the same version
// of the order, this one is run again, with the new version.
func (t orders) Save(o order.Order) {
	known := o.Version() - int64(len(o.Unsaved()))
	t.queue(Stmt{
		SQL:  `UPDATE orders SET status = $1, version = $2 WHERE id = $3 AND version = $4`,
		Args: []any{string(o.Status()), o.Version(), o.ID, known},
		Rows: 1, Mismatch: errRetry,
	})
	t.addSteps(o)
}

func (t orders) addLines(of []order.Order) {
	var ids []id.ID
	var numbers []int64
	var lines []order.Line
	for _, o := range of {
		for i, l := range o.Lines {
			ids, numbers, lines = append(ids, o.ID), append(numbers, int64(i)+1), append(lines, l)
		}
	}
	t.insertAll("order_lines", nil,
		Column{"order_id", UUID, ids}, Column{"line", Integer, numbers},
		Column{"product_id", BigInt, collect(lines, func(l order.Line) int64 { return l.ProductID })},
		Column{"name", Text, collect(lines, func(l order.Line) string { return l.Name })},
		Column{"price", BigInt, collect(lines, func(l order.Line) int64 { return int64(l.Price) })},
		Column{"quantity", BigInt, collect(lines, func(l order.Line) int64 { return l.Quantity })},
	)
}

// addSteps queues the steps that are not stored yet. A step that another transaction
// has stored meanwhile has the same version.
func (t orders) addSteps(of ...order.Order) {
	var ids []id.ID
	var versions []int64
	var steps []order.Change
	for _, o := range of {
		version := o.Version() - int64(len(o.Unsaved()))
		for _, c := range o.Unsaved() {
			version++
			ids, versions, steps = append(ids, o.ID), append(versions, version), append(steps, c)
		}
	}
	t.insertAll("order_history", Faults{"order_history_pkey": errRetry},
		Column{"order_id", UUID, ids}, Column{"version", BigInt, versions},
		Column{"status", Text, collect(steps, func(c order.Change) string { return string(c.Status) })},
		Column{"reason", Text, collect(steps, func(c order.Change) string { return c.Reason })},
		Column{"at_us", BigInt, collect(steps, func(c order.Change) int64 { return micros(c.At) })},
	)
}
