package replay

import (
	"context"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/point"
)

// Why something of an invoice was not sent.
const (
	skippedLine   = "line: the shop has no such product"
	skippedOrder  = "purchase: the shop has nothing of it"
	skippedCancel = "cancel: its order was not placed in this replay"
)

// prefix keeps the keys of a replay apart from everybody else's.
const prefix = "retail-"

// maxCharges bounds how many charges one order may need.
const maxCharges = 10_000

// purchase charges what is missing, orders, and then looks around.
func (l lane) purchase(ctx context.Context, i Invoice) error {
	wants, cost := l.basket(i)
	if len(wants) == 0 {
		l.ledger.skip(skippedOrder)
		return nil
	}
	v := Visit{i.Customer, i.At}
	if err := l.topUp(ctx, v, i, cost); err != nil {
		return err
	}
	sample := l.sampler.begin(ctx, i, wants, l.prices(i))
	defer sample.end()
	var placed Placed
	agreed, err := l.act(ctx, Order, func(ctx context.Context) (again bool, err error) {
		placed, err = l.Shop.Place(ctx, v, prefix+i.Number, wants)
		return placed.Repeated, err
	})
	if err != nil || !agreed {
		return err
	}
	l.orders[i.Number] = bought{placed.ID, cost}
	l.credit[i.Customer] -= cost
	views, likes := l.taste.of(i.Number, wants)
	if !placed.Repeated {
		l.pacer.placed(i)
		sample.await(ctx)
		err = l.visit(ctx, View, views, false, func(ctx context.Context, pid int64) error { return l.Shop.View(ctx, v, pid) })
	}
	if err != nil {
		return err
	}
	// To like once more changes nothing: where a kill came in between, the likes are here.
	return l.visit(ctx, Like, likes, placed.Repeated, func(ctx context.Context, pid int64) error { return l.Shop.Like(ctx, v, pid) })
}

// basket is what the shop has of the invoice, and what it costs there.
func (l lane) basket(i Invoice) (wants []order.Want, cost money.Won) {
	for _, item := range i.Items {
		p, ok := l.Products[item.SKU]
		if !ok {
			l.ledger.skip(skippedLine)
			continue
		}
		wants = append(wants, order.Want{ProductID: p.ID, Quantity: item.Quantity})
		cost += p.Price * money.Won(item.Quantity)
	}
	return wants, cost
}

func (l lane) prices(i Invoice) map[int64]money.Won {
	prices := make(map[int64]money.Won, len(i.Items))
	for _, item := range i.Items {
		if p, ok := l.Products[item.SKU]; ok {
			prices[p.ID] = p.Price
		}
	}
	return prices
}

// topUp charges as often as it takes. How often depends on nothing but the
// invoices before, so that a replay that is started again charges the same.
func (l lane) topUp(ctx context.Context, v Visit, i Invoice, cost money.Won) error {
	for n := 1; l.credit[v.Customer] < cost && n <= maxCharges; n++ {
		key := prefix + i.Number + "-" + strconv.Itoa(n)
		agreed, err := l.act(ctx, Charge, func(ctx context.Context) (bool, error) {
			return l.Shop.Charge(ctx, v, key, point.MaxCharge)
		})
		if err != nil || !agreed {
			return err
		}
		l.credit[v.Customer] += point.MaxCharge
	}
	return nil
}

// visit does one thing with products, one after another; once more perhaps.
func (l lane) visit(ctx context.Context, what Step, products []int64, again bool, do func(context.Context, int64) error) error {
	for _, pid := range products {
		l.sampler.touch(pid)
		if _, err := l.act(ctx, what, func(ctx context.Context) (bool, error) { return again, do(ctx, pid) }); err != nil {
			return err
		}
	}
	return nil
}

// cancel calls off the order of an earlier invoice.
func (l lane) cancel(ctx context.Context, i Invoice) error {
	b, ok := l.orders[i.Cancels]
	if !ok {
		l.ledger.skip(skippedCancel)
		return nil
	}
	for _, item := range i.Items {
		l.sampler.touch(l.Products[item.SKU].ID)
	}
	agreed, err := l.act(ctx, Cancel, func(ctx context.Context) (bool, error) {
		return l.Shop.Cancel(ctx, Visit{i.Customer, i.At}, prefix+i.Number, b.id)
	})
	if agreed {
		l.credit[i.Customer] += b.cost
		delete(l.orders, i.Cancels)
	}
	return err
}
