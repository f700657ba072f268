package verify_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// ledger is a database with sales and counters only. Its books come in order of
// product, and within a product as they were drawn.
type ledger struct {
	store.DB
	store.Audit
	store.Sales
	store.Outbox

	rows []bookRow
}

type bookRow struct {
	product int64
	paidAt  time.Time // zero for a counter
	line    order.Line
	counted metric.Counters
}

func (l *ledger) Snapshot(_ context.Context, do func(store.Tx) error) error {
	return do(store.Tx{Sales: l, Audit: nothing{}, Outbox: l})
}

func (l *ledger) Backlog(context.Context) (int64, time.Time, error) { return 0, time.Time{}, nil }

func (l *ledger) Books(_ context.Context, r store.SalesReader) error {
	sorted := slices.Clone(l.rows)
	slices.SortStableFunc(sorted, func(a, b bookRow) int { return cmp.Compare(a.product, b.product) })
	for _, row := range sorted {
		if row.paidAt.IsZero() {
			_ = r.Counted(row.counted)
		} else {
			_ = r.Sold(row.line, row.paidAt)
		}
	}
	return nil
}

// nothing is an audit without rows.
type nothing struct{ store.Audit }

func (nothing) Stock(context.Context, store.AuditReport) error   { return nil }
func (nothing) Wallets(context.Context, store.AuditReport) error { return nil }
func (nothing) Spent(context.Context, store.AuditReport) error   { return nil }
func (nothing) Coupons(context.Context, store.AuditReport) error { return nil }
func (nothing) Paid(context.Context, store.AuditReport) error    { return nil }
func (nothing) Charged(context.Context, store.AuditReport) error { return nil }
func (nothing) Likes(context.Context, store.AuditReport) error   { return nil }

// inAMap compares as the first version of the check did: with a map of all products and
// days.
func inAMap(rows []bookRow) (compared int64, found []store.Difference) {
	type cell struct {
		product int64
		day     clock.Day
	}
	sold, counted := map[cell]metric.Counters{}, map[cell]metric.Counters{}
	for _, row := range rows {
		if row.paidAt.IsZero() {
			counted[cell{row.product, row.counted.Day}] = row.counted
			continue
		}
		at := cell{row.product, clock.DayOf(row.paidAt)}
		sold[at] = sold[at].Plus(metric.Sale(row.product, at.day, row.line.Quantity, row.line.Price))
	}
	cells := maps.Clone(counted)
	maps.Copy(cells, sold)
	for _, at := range slices.SortedFunc(maps.Keys(cells), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.product, b.product), cmp.Compare(a.day, b.day))
	}) {
		compared++
		want, got := sold[at], counted[at]
		for _, f := range []store.Difference{
			{What: "orders", Want: want.Orders, Got: got.Orders},
			{What: "quantity", Want: want.Quantity, Got: got.Quantity},
			{What: "amount", Want: int64(want.Amount), Got: int64(got.Amount)},
			{What: "amount_log", Want: want.AmountLog, Got: got.AmountLog},
		} {
			if f.Want != f.Got {
				f.Subject = place(at.product, at.day)
				found = append(found, f)
			}
		}
	}
	return compared, found
}

func drawBooks(t *rapid.T) (rows []bookRow) {
	start := clock.Day(20261030).Start()
	type cell struct {
		product int64
		day     clock.Day
	}
	right := map[cell]metric.Counters{}
	for range rapid.IntRange(0, 30).Draw(t, "lines") {
		product := rapid.Int64Range(1, 4).Draw(t, "product")
		l := order.Line{ProductID: product, Price: money.Won(rapid.Int64Range(0, 5).Draw(t, "price")), Quantity: rapid.Int64Range(1, 3).Draw(t, "quantity")}
		at := start.Add(time.Duration(rapid.IntRange(0, 4*24).Draw(t, "hour")) * time.Hour)
		rows = append(rows, bookRow{product: product, paidAt: at, line: l})
		c := cell{product, clock.DayOf(at)}
		right[c] = right[c].Plus(metric.Sale(product, c.day, l.Quantity, l.Price))
	}
	for _, c := range slices.SortedFunc(maps.Keys(right), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.product, b.product), cmp.Compare(a.day, b.day))
	}) {
		counted := right[c]
		counted.ProductID, counted.Day, counted.Views = c.product, c.day, 9
		switch rapid.IntRange(0, 5).Draw(t, "fate") {
		case 0:
			continue // not counted
		case 1:
			counted.Quantity++
		}
		rows = append(rows, bookRow{product: c.product, counted: counted})
	}
	if rapid.Bool().Draw(t, "counted without a sale") {
		rows = append(rows, bookRow{product: 5, counted: metric.Counters{ProductID: 5, Day: 20261101, Orders: 1}})
	}
	return rapid.Permutation(rows).Draw(t, "order")
}

func TestMergedBooksDifferWhereAMapOfAllDaysDiffers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{rows: drawBooks(t)}
		results, err := verify.New(l).Once(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := results[len(results)-1]
		compared, want := inAMap(l.rows)
		if diff := gocmp.Diff(append([]store.Difference{}, want...), got.Differences); diff != "" || got.Compared != compared {
			t.Errorf("%d of %d compared (-want +got)\n%s", got.Compared, compared, diff)
		}
	})
}
