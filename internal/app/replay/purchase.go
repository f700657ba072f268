package replay

import (
	"context"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/point"
)

// Reasons why a part of an invoice is skipped.
const (
	skippedLine   = "line: the shop has no such product"
	skippedOrder  = "purchase: the shop has none of its products"
	skippedCancel = "cancel: its order was not placed in this replay"
)

// keyPrefix separates the idempotency keys of replays from all others.
const keyPrefix = "retail-"

// maxCharges bounds the number of charges for one order.
const maxCharges = 10_000

// purchase charges missing points, places the order, and then views and likes products.
func (w worker) purchase(ctx context.Context, i Invoice) error {
	wants, cost := w.basket(i)
	if len(wants) == 0 {
		w.replay.counters.skipped(skippedOrder)
		return nil
	}
	v := Visit{i.Customer, i.At}
	if err := w.chargePoints(ctx, v, i, cost); err != nil {
		return err
	}
	m := w.replay.delayMeter.begin(ctx, i, wants)
	defer m.end()
	var placed Placed
	accepted, err := w.do(ctx, Order, func(ctx context.Context) (repeated bool, err error) {
		placed, err = w.replay.config.Shop.Place(ctx, v, keyPrefix+i.Number, wants)
		return placed.Repeated, err
	})
	if err != nil || !accepted {
		return err
	}
	w.orders[i.Number] = placedOrder{placed.ID, cost}
	w.credit[i.Customer] -= cost
	if !placed.Repeated {
		w.replay.scheduler.orderPlaced(i)
		m.await(ctx)
	}
	return w.engage(ctx, v, i, wants, placed.Repeated)
}

// engage views and likes products after an order. Views of a repeated order are not sent again,
// because that would count them twice. Its likes are: a repeated like changes nothing, and an
// earlier run may have been killed between the order and its likes.
func (w worker) engage(ctx context.Context, v Visit, i Invoice, wants []order.Want, repeated bool) error {
	shop := w.replay.config.Shop
	views, likes := w.replay.engagement.choose(i.Number, wants)
	if !repeated {
		err := w.forEach(ctx, View, views, false, func(ctx context.Context, pid int64) error { return shop.View(ctx, v, pid) })
		if err != nil {
			return err
		}
	}
	return w.forEach(ctx, Like, likes, repeated, func(ctx context.Context, pid int64) error { return shop.Like(ctx, v, pid) })
}

// basket returns the items of the invoice that the shop sells, and their price.
func (w worker) basket(i Invoice) (wants []order.Want, cost money.Won) {
	for _, item := range i.Items {
		p, ok := w.replay.config.Products[item.SKU]
		if !ok {
			w.replay.counters.skipped(skippedLine)
			continue
		}
		wants = append(wants, order.Want{ProductID: p.ID, Quantity: item.Quantity})
		cost += p.Price * money.Won(item.Quantity)
	}
	return wants, cost
}

// chargePoints charges points until they cover the cost. The number of charges depends only on
// earlier invoices, so a restarted replay repeats the same charges under the same keys.
func (w worker) chargePoints(ctx context.Context, v Visit, i Invoice, cost money.Won) error {
	for n := 1; w.credit[v.Customer] < cost && n <= maxCharges; n++ {
		key := keyPrefix + i.Number + "-" + strconv.Itoa(n)
		accepted, err := w.do(ctx, Charge, func(ctx context.Context) (bool, error) {
			return w.replay.config.Shop.Charge(ctx, v, key, point.MaxCharge)
		})
		if err != nil || !accepted {
			return err
		}
		w.credit[v.Customer] += point.MaxCharge
	}
	return nil
}

// forEach performs an action on each product. repeated is how the actions are counted.
func (w worker) forEach(ctx context.Context, a Action, products []int64, repeated bool, call func(context.Context, int64) error) error {
	for _, pid := range products {
		w.replay.delayMeter.noteChange(pid)
		if _, err := w.do(ctx, a, func(ctx context.Context) (bool, error) { return repeated, call(ctx, pid) }); err != nil {
			return err
		}
	}
	return nil
}

// cancel cancels the order of an earlier invoice.
func (w worker) cancel(ctx context.Context, i Invoice) error {
	placed, ok := w.orders[i.Cancels]
	if !ok {
		w.replay.counters.skipped(skippedCancel)
		return nil
	}
	for _, item := range i.Items {
		w.replay.delayMeter.noteChange(w.replay.config.Products[item.SKU].ID)
	}
	accepted, err := w.do(ctx, Cancel, func(ctx context.Context) (bool, error) {
		return w.replay.config.Shop.Cancel(ctx, Visit{i.Customer, i.At}, keyPrefix+i.Number, placed.id)
	})
	if accepted {
		w.credit[i.Customer] += placed.cost
		delete(w.orders, i.Cancels)
	}
	return err
}
