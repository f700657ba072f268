package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// outbox checks that no event waits.
func outbox(ctx context.Context, tx store.Tx, r *recount) error {
	waiting, _, err := tx.Outbox.Backlog(ctx)
	r.Checked()
	if waiting > 0 {
		r.Differs(store.Difference{Subject: "outbox", What: "events waiting", Got: waiting})
	}
	return err
}

// cell is the place of a counter: a product on a day.
type cell struct {
	product int64
	day     clock.Day
}

// The first and the last day: the counters of all days are compared.
const (
	firstDay clock.Day = 1_01_01
	lastDay  clock.Day = 9999_12_31
)

// sales recounts the sales of every product and day from the orders, and compares them
// with the counters.
func sales(ctx context.Context, tx store.Tx, r *recount) error {
	sold := map[cell]metric.Counters{}
	err := tx.Sales.Each(ctx, func(l order.Line, paidAt time.Time) error {
		r.read()
		at := cell{l.ProductID, clock.DayOf(paidAt)}
		sold[at] = sold[at].Plus(metric.Sale(l.ProductID, at.day, l.Quantity, l.Price))
		return nil
	})
	if err != nil {
		return err
	}
	err = tx.Metrics.All(ctx, firstDay, lastDay, func(got metric.Counters) error {
		at := cell{got.ProductID, got.Day}
		want := sold[at]
		delete(sold, at)
		compare(at, want, got, r)
		return nil
	})
	for _, at := range slices.SortedFunc(maps.Keys(sold), byCell) {
		compare(at, sold[at], metric.Counters{}, r) // sold, but not counted
	}
	return err
}

func byCell(a, b cell) int {
	return cmp.Or(cmp.Compare(a.product, b.product), cmp.Compare(a.day, b.day))
}

func compare(at cell, want, got metric.Counters, r store.AuditReport) {
	r.Checked()
	for _, f := range []struct {
		name      string
		want, got int64
	}{
		{"orders", want.Orders, got.Orders},
		{"quantity", want.Quantity, got.Quantity},
		{"amount", int64(want.Amount), int64(got.Amount)},
		{"amount_log", want.AmountLog, got.AmountLog},
	} {
		if f.want != f.got {
			r.Differs(store.Difference{
				Subject: fmt.Sprintf("product %d on %s", at.product, at.day), What: f.name, Want: f.want, Got: f.got,
			})
		}
	}
}
