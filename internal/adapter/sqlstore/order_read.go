package sqlstore

import (
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

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
func (t orders) Of(ctx context.Context, user, before id.ID, limit int) (found []order.Order, more bool, err error) {
	found, err = all(ctx, t.each, ordersStmt(user, before, limit+1), scanOrder)
	if err != nil || len(found) == 0 {
		return nil, false, err
	}
	whole, err := t.complete(ctx, found[:min(limit, len(found))])
	return whole, len(whole) < len(found), err
}

func ordersStmt(user, before id.ID, limit int) Stmt {
	return page(selectOrder, olderThan(user, before), "id DESC", limit)
}

// mostLines is how many lines are read for several orders: those of two large ones. With
// the longest names in Hangul they take 1.4 MB.
const mostLines = 2 * order.MaxLines

// complete adds lines, history and payments to orders, which are given newest first. It
// leaves the last ones out if they have too many lines together. For any number of orders
// it takes two reads, or three if there are card payments.
func (t orders) complete(ctx context.Context, found []order.Order) ([]order.Order, error) {
	lines, cut, err := t.linesOf(ctx, collect(found, orderID))
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(found, func(o order.Order) bool { return o.ID == cut }); i > 0 {
		found = found[:i]
	}
	ids := collect(found, orderID)
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
	paid, err := all(ctx, t.each, stmt(selectPayment+`WHERE `+t.dialect.In("order_id", UUID, 1), ids), scanPayment)
	for _, p := range paid {
		byOrder[p.OrderID] = &p
	}
	return byOrder, err
}

func orderID(o order.Order) id.ID { return o.ID }

// linesOf returns up to mostLines lines, those of the newest orders first. If there are so
// many, cut is the order of the last one: it may have more.
func (t orders) linesOf(ctx context.Context, ids []id.ID) (lines map[id.ID][]order.Line, cut id.ID, err error) {
	q := stmt(`SELECT order_id, product_id, name, price, quantity FROM order_lines
		WHERE `+t.dialect.In("order_id", UUID, 1)+` ORDER BY order_id DESC, line LIMIT $2`, ids, mostLines)
	lines, n := map[id.ID][]order.Line{}, 0
	var last id.ID
	err = t.each(ctx, q, func(r row) error {
		var l order.Line
		err := r.Scan(&last, &l.ProductID, &l.Name, &l.Price, &l.Quantity)
		lines[last] = append(lines[last], l)
		n++
		return err
	})
	if n == mostLines {
		cut = last
	}
	return lines, cut, err
}

func (t orders) stepsOf(ctx context.Context, ids []id.ID) (map[id.ID][]order.Change, error) {
	q := stmt(`SELECT order_id, status, reason, at_us FROM order_history
		WHERE `+t.dialect.In("order_id", UUID, 1)+` ORDER BY order_id, version`, ids)
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
