package sqlstore

import (
	"fmt"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
)

type orders struct{ *session }

// Add implements order.Table.
func (t orders) Add(o order.Order) {
	t.exec(`
		INSERT INTO orders (id, user_id, status, version, amount, discount, points, card, created_us,
			owned_coupon_id, coupon_id, coupon_name)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		append([]any{
			o.ID, o.UserID, string(o.Status()), o.Version(), int64(o.Amount), int64(o.Discount), int64(o.Points),
			int64(o.Card), micros(o.CreatedAt),
		}, couponOf(o)...)...)
	t.addLines(o)
	t.addSteps(o)
}

func couponOf(o order.Order) []any {
	if o.Coupon == nil {
		return []any{nil, nil, nil}
	}
	return []any{o.Coupon.ID, o.Coupon.CouponID, o.Coupon.Name}
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

func (t orders) addLines(o order.Order) {
	n := len(o.Lines)
	numbers, products, names := make([]int64, n), make([]int64, n), make([]string, n)
	prices, quantities := make([]int64, n), make([]int64, n)
	ids := slices.Repeat([]id.ID{o.ID}, n)
	for i, l := range o.Lines {
		numbers[i], products[i], names[i] = int64(i)+1, l.ProductID, l.Name
		prices[i], quantities[i] = int64(l.Price), l.Quantity
	}
	table, args, err := t.dialect.Set(1, []Column{
		{"order_id", UUID, ids}, {"line", Integer, numbers}, {"product_id", BigInt, products}, {"name", Text, names},
		{"price", BigInt, prices}, {"quantity", BigInt, quantities},
	})
	if err != nil {
		_ = t.fail(fmt.Errorf("lines of order %s: %w", o.ID, err))
		return
	}
	t.exec(`
		INSERT INTO order_lines (order_id, line, product_id, name, price, quantity)
		SELECT v.order_id, v.line, v.product_id, v.name, v.price, v.quantity FROM `+table+` v`,
		args...)
}

// addSteps queues the steps that are not stored yet. A step that another transaction
// has stored meanwhile has the same version.
func (t orders) addSteps(o order.Order) {
	version := o.Version() - int64(len(o.Unsaved()))
	for _, c := range o.Unsaved() {
		version++
		t.queue(Stmt{
			SQL:    `INSERT INTO order_history (order_id, version, status, reason, at_us) VALUES ($1, $2, $3, $4, $5)`,
			Args:   []any{o.ID, version, string(c.Status), c.Reason, micros(c.At)},
			Rows:   Any,
			Faults: Faults{"order_history_pkey": errRetry},
		})
	}
}
