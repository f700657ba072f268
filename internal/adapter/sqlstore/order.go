package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
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

// Save implements order.Table. If another transaction has taken a step from
// the same version, this one is run again, on the order as it is then.
func (t orders) Save(o order.Order) {
	known := o.Version() - int64(len(o.Unsaved()))
	t.queue(Stmt{
		SQL:  `UPDATE orders SET status = $1, version = $2 WHERE id = $3 AND version = $4`,
		Args: []any{string(o.Status()), o.Version(), o.ID, known},
		Rows: 1, Missed: errAgain,
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

// addSteps queues the steps of the history that the table has not yet. A step
// that another transaction has taken meanwhile has the same version.
func (t orders) addSteps(o order.Order) {
	version := o.Version() - int64(len(o.Unsaved()))
	for _, c := range o.Unsaved() {
		version++
		t.queue(Stmt{
			SQL:    `INSERT INTO order_history (order_id, version, status, reason, at_us) VALUES ($1, $2, $3, $4, $5)`,
			Args:   []any{o.ID, version, string(c.Status), c.Reason, micros(c.At)},
			Rows:   Any,
			Faults: Faults{"order_history_pkey": errAgain},
		})
	}
}

const selectOrder = `SELECT id, user_id, amount, discount, points, card, created_us, owned_coupon_id, coupon_id, coupon_name FROM orders `

// Lock implements order.Table.
func (t orders) Lock(ctx context.Context, oid id.ID) (order.Order, error) {
	return t.one(ctx, t.change, stmt(selectOrder+`WHERE id = $1 `+t.dialect.ForUpdate, oid))
}

// Get implements order.Table.
func (t orders) Get(ctx context.Context, oid id.ID) (order.Order, error) {
	return t.one(ctx, t.each, stmt(selectOrder+`WHERE id = $1`, oid))
}

func (t orders) one(ctx context.Context, read reader, q Stmt) (order.Order, error) {
	o, err := first(ctx, read, q, scanOrder, order.ErrNotFound)
	if err != nil {
		return order.Order{}, err
	}
	whole, err := t.complete(ctx, []order.Order{o})
	if err != nil {
		return order.Order{}, err
	}
	return whole[0], nil
}

// Of implements order.Table.
func (t orders) Of(ctx context.Context, user, before id.ID, limit int) ([]order.Order, error) {
	found, err := all(ctx, t.each, ordersStmt(user, before, limit), scanOrder)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return t.complete(ctx, found)
}

func ordersStmt(user, before id.ID, limit int) Stmt {
	w := olderThan(user, before)
	w.args = append(w.args, limit)
	return stmt(selectOrder+w.text+` ORDER BY id DESC LIMIT `+place(len(w.args)), w.args...)
}

// complete adds lines, history and payments to orders, in two reads, or three
// where a card pays one, however many they are.
func (t orders) complete(ctx context.Context, found []order.Order) ([]order.Order, error) {
	ids := make([]id.ID, len(found))
	for i, o := range found {
		ids[i] = o.ID
	}
	lines, err := t.linesOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	steps, err := t.stepsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	paid, err := t.paymentsOf(ctx, found)
	if err != nil {
		return nil, err
	}
	for i, o := range found {
		o.Lines, o.Payment = lines[o.ID], paid[o.ID]
		found[i] = order.Restore(o, steps[o.ID])
	}
	return found, nil
}

func (t orders) paymentsOf(ctx context.Context, found []order.Order) (map[id.ID]*payment.Payment, error) {
	var ids []id.ID
	for _, o := range found {
		if o.Card > 0 {
			ids = append(ids, o.ID)
		}
	}
	byOrder := map[id.ID]*payment.Payment{}
	if len(ids) == 0 {
		return byOrder, nil
	}
	paid, err := all(ctx, t.each, stmt(selectPayment+`WHERE `+t.dialect.In("order_id", UUID, 1), t.dialect.List(ids)), scanPayment)
	for _, p := range paid {
		byOrder[p.OrderID] = &p
	}
	return byOrder, err
}

func (t orders) linesOf(ctx context.Context, ids []id.ID) (map[id.ID][]order.Line, error) {
	q := stmt(`SELECT order_id, product_id, name, price, quantity FROM order_lines
		WHERE `+t.dialect.In("order_id", UUID, 1)+` ORDER BY order_id, line`, t.dialect.List(ids))
	lines := map[id.ID][]order.Line{}
	err := t.each(ctx, q, func(r row) error {
		var oid id.ID
		var l order.Line
		err := r.Scan(&oid, &l.ProductID, &l.Name, &l.Price, &l.Quantity)
		lines[oid] = append(lines[oid], l)
		return err
	})
	return lines, err
}

func (t orders) stepsOf(ctx context.Context, ids []id.ID) (map[id.ID][]order.Change, error) {
	q := stmt(`SELECT order_id, status, reason, at_us FROM order_history
		WHERE `+t.dialect.In("order_id", UUID, 1)+` ORDER BY order_id, version`, t.dialect.List(ids))
	steps := map[id.ID][]order.Change{}
	err := t.each(ctx, q, func(r row) error {
		var oid id.ID
		var c order.Change
		var at int64
		err := r.Scan(&oid, &c.Status, &c.Reason, &at)
		c.At = timeOf(at)
		steps[oid] = append(steps[oid], c)
		return err
	})
	return steps, err
}

func scanOrder(r row) (o order.Order, err error) {
	var created int64
	var owned, kind *id.ID
	var name *string
	err = r.Scan(&o.ID, &o.UserID, &o.Amount, &o.Discount, &o.Points, &o.Card, &created, &owned, &kind, &name)
	o.CreatedAt = timeOf(created)
	if err == nil && owned != nil && kind != nil && name != nil {
		o.Coupon = &order.Coupon{ID: *owned, CouponID: *kind, Name: *name}
	}
	return o, err
}
