package verify

import (
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

// outbox checks that no event waits. It names those that are set aside.
func outbox(ctx context.Context, tx store.Tx, r *recount) error {
	waiting, _, err := tx.Outbox.Backlog(ctx)
	r.Checked()
	if err != nil || waiting == 0 {
		return err
	}
	r.Differs(store.Difference{Subject: "outbox", What: "events waiting", Got: waiting})
	aside, err := tx.SetAside.All(ctx)
	for _, a := range aside {
		behind, err := tx.SetAside.Behind(ctx, a)
		if err != nil {
			return err
		}
		r.Differs(store.Difference{
			Subject: fmt.Sprintf("event %d of %s, key %s", a.Seq, a.Envelope.Topic, a.Envelope.Key),
			What:    "set aside with those behind it (commerce outbox list): " + a.Reason, Got: behind + 1,
		})
	}
	return err
}

// sales recounts the sales of every product and day from the orders, and compares them
// with the counters. Both come in order of product, so it remembers one product only.
func sales(ctx context.Context, tx store.Tx, r *recount) error {
	b := &books{report: r}
	if err := tx.Sales.Books(ctx, b); err != nil {
		return err
	}
	b.close()
	return nil
}

// books are the sales and the counters of one product at a time. They implement
// store.SalesReader.
type books struct {
	report  *recount
	product int64
	sold    map[clock.Day]metric.Counters
	counted map[clock.Day]metric.Counters
	rolled  map[metric.Month]metric.Counters
}

// Sold implements store.SalesReader.
func (b *books) Sold(l order.Line, paidAt time.Time) error {
	b.turn(l.ProductID)
	day := clock.DayOf(paidAt)
	b.sold[day] = b.sold[day].Plus(metric.Sale(l.ProductID, day, l.Quantity, l.Price))
	return nil
}

// Counted implements store.SalesReader.
func (b *books) Counted(c metric.Counters) error {
	b.turn(c.ProductID)
	b.counted[c.Day] = c
	return nil
}

// Rolled implements store.SalesReader.
func (b *books) Rolled(c metric.Counters) error {
	b.turn(c.ProductID)
	b.rolled[metric.MonthOf(c.Day)] = c
	return nil
}

// turn counts a row. With the first row of a product, it closes the product before.
func (b *books) turn(product int64) {
	b.report.read()
	if product == b.product && b.sold != nil {
		return
	}
	b.close()
	b.product = product
	b.sold, b.counted, b.rolled = map[clock.Day]metric.Counters{}, map[clock.Day]metric.Counters{}, map[metric.Month]metric.Counters{}
}

// close compares what was sold of the product with what was counted: by month where the
// days are no longer kept, and by day elsewhere.
func (b *books) close() {
	months := slices.Sorted(maps.Keys(b.rolled))
	for _, m := range months {
		want, got := take(b.sold, m), take(b.counted, m).Plus(b.rolled[m])
		compare(fmt.Sprintf("product %d in %s", b.product, m), want, got, b.report)
	}
	for day := range b.sold {
		b.counted[day] = metric.Counters{}.Plus(b.counted[day]) // zero: sold, but not counted
	}
	for _, day := range slices.Sorted(maps.Keys(b.counted)) {
		compare(fmt.Sprintf("product %d on %s", b.product, day), b.sold[day], b.counted[day], b.report)
	}
}

// take removes the days of a month, and returns their sum.
func take(days map[clock.Day]metric.Counters, m metric.Month) (sum metric.Counters) {
	for day, c := range days {
		if metric.MonthOf(day) == m {
			sum = sum.Plus(c)
			delete(days, day)
		}
	}
	return sum
}

func compare(subject string, want, got metric.Counters, r store.AuditReport) {
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
			r.Differs(store.Difference{Subject: subject, What: f.name, Want: f.want, Got: f.got})
		}
	}
}
