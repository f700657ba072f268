package verify_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// named is a database in which each audit finds a difference: its name.
type named struct{ ledger }

// Snapshot implements store.DB.
func (n *named) Snapshot(_ context.Context, do func(store.Tx) error) error {
	return do(store.Tx{Sales: &n.ledger, Audit: names{}, Outbox: &n.ledger})
}

type names struct{ store.Audit }

func say(r store.AuditReport, name string) error { r.Differs(store.Difference{What: name}); return nil }

func (names) Stock(_ context.Context, r store.AuditReport) error   { return say(r, "stock") }
func (names) Wallets(_ context.Context, r store.AuditReport) error { return say(r, "wallets") }
func (names) Spent(_ context.Context, r store.AuditReport) error   { return say(r, "spent") }
func (names) Coupons(_ context.Context, r store.AuditReport) error { return say(r, "coupons") }
func (names) Paid(_ context.Context, r store.AuditReport) error    { return say(r, "paid") }
func (names) Charged(_ context.Context, r store.AuditReport) error { return say(r, "charged") }
func (names) Likes(_ context.Context, r store.AuditReport) error   { return say(r, "likes") }

func TestEachCheckMakesItsOwnAudit(t *testing.T) {
	t.Parallel()
	results, err := verify.New(&named{}).Once(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, r := range results {
		found[r.Check] = ""
		if len(r.Differences) > 0 {
			found[r.Check] = r.Differences[0].What
		}
	}
	want := map[string]string{
		"stock": "stock", "points": "wallets", "spent": "spent", "coupons": "coupons", "payments": "paid", "charges": "charged",
		"outbox": "", "likes": "likes", "sales": "",
	}
	if diff := gocmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

// flood is a shop in which each of many stocks is wrong.
type flood struct{ nothing }

// Stock implements store.Audit.
func (flood) Stock(_ context.Context, r store.AuditReport) error {
	for i := range int64(150) {
		r.Differs(store.Difference{Got: i})
	}
	return nil
}

type flooded struct{ ledger }

// Snapshot implements store.DB.
func (f *flooded) Snapshot(_ context.Context, do func(store.Tx) error) error {
	return do(store.Tx{Sales: &f.ledger, Audit: flood{}, Outbox: &f.ledger})
}

func TestAHundredDifferencesAreListedAndTheOthersCounted(t *testing.T) {
	t.Parallel()
	results, err := verify.New(&flooded{}).Once(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := results[0]; len(r.Differences) != 100 || r.More != 50 || r.Differences[99].Got != 99 || r.Right() {
		t.Errorf("%d listed, %d more", len(r.Differences), r.More)
	}
	if (verify.Result{More: 1}).Right() {
		t.Error("a result with differences that are not listed is right")
	}
}

// waiting is a shop with an event that never leaves.
type waiting struct{ ledger }

// Snapshot implements store.DB.
func (w *waiting) Snapshot(_ context.Context, do func(store.Tx) error) error {
	return do(store.Tx{Sales: &w.ledger, Audit: nothing{}, Outbox: backlog{}, SetAside: noneAside{}})
}

type backlog struct{ store.Outbox }

// Backlog implements store.Outbox.
func (backlog) Backlog(context.Context) (int64, time.Time, error) { return 1, time.Time{}, nil }

// noneAside is a shop in which no event is set aside.
type noneAside struct{ store.SetAsideTable }

// All implements store.SetAsideTable.
func (noneAside) All(context.Context) ([]store.SetAside, error) { return nil, nil }

func TestWaitingForEventsEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := verify.New(&waiting{}).Settled(ctx, time.Hour, nil)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestProgressIsReportedWhileSalesAreRecounted(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	for range 10_001 {
		l.rows = append(l.rows, bookRow{product: 1, counted: metric.Counters{ProductID: 1, Day: 20261101}})
	}
	var said []int64
	_, err := verify.New(l).Once(t.Context(), func(check string, rows int64) {
		if check == "sales" {
			said = append(said, rows)
		}
	})
	if diff := gocmp.Diff([]int64{0, 10_000}, said); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// The days of a month have been added to the month: what was sold is compared with the
// month, and with the days of late events in it.
func TestSalesOfAMonthThatIsRolledUpAreComparedWithTheMonth(t *testing.T) {
	t.Parallel()
	sold := func(day clock.Day) bookRow {
		return bookRow{product: 1, paidAt: day.Start(), line: order.Line{ProductID: 1, Price: 5, Quantity: 2}}
	}
	counted := func(day clock.Day, times int64) metric.Counters {
		one := metric.Sale(1, day, 2, 5)
		return metric.Counters{ProductID: 1, Day: day, Orders: times, Quantity: 2 * times, Amount: 10 * money.Won(times), AmountLog: times * one.AmountLog}
	}
	for _, c := range []struct {
		times int64
		want  []string
	}{{2, nil}, {1, []string{"orders", "quantity", "amount", "amount_log"}}} {
		l := &rolled{counted: counted(20261001, c.times)}
		l.rows = []bookRow{
			sold(20261003), sold(20261004), sold(20261005), {product: 1, counted: counted(20261005, 1)}, // a late event
			sold(20261101), {product: 1, counted: counted(20261101, 1)},
		}
		results, err := verify.New(l).Once(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, d := range results[len(results)-1].Differences {
			if d.Subject != "product 1 in 202610" {
				t.Errorf("%+v", d)
			}
			found = append(found, d.What)
		}
		if diff := gocmp.Diff(c.want, found); diff != "" {
			t.Errorf("%d of 2 sales are in the month (-want +got)\n%s", c.times, diff)
		}
	}
}

// rolled is a ledger with the counters of a month.
type rolled struct {
	ledger

	counted metric.Counters
}

// Snapshot implements store.DB.
func (r *rolled) Snapshot(_ context.Context, do func(store.Tx) error) error {
	return do(store.Tx{Sales: r, Audit: nothing{}, Outbox: &r.ledger})
}

// Books implements store.Sales.
func (r *rolled) Books(ctx context.Context, to store.SalesReader) error {
	return errors.Join(to.Rolled(r.counted), r.ledger.Books(ctx, to))
}
