package verify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func once(t *testing.T, db store.DB) map[string][]store.Difference {
	t.Helper()
	results, err := verify.New(db).Once(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]store.Difference{}
	for _, r := range results {
		found[r.Check] = r.Differences
	}
	return found
}

// A sale that was not counted, one that was counted wrongly, and a count without a sale are
// differences.
func TestSalesAreRecountedFromTheOrders(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		pids := []int64{s.Product(t, 100, 50), s.Product(t, 100, 50), s.Product(t, 100, 50)}
		for _, pid := range pids[:2] {
			lines := []order.Want{{ProductID: pid, Quantity: 2}}
			if _, err := s.Checkout.Place(t.Context(), checkout.Request{UserID: s.Customer(t, 10_000), Lines: lines}, store.Unguarded{}); err != nil {
				t.Fatal(err)
			}
		}
		today := clock.DayOf(time.Now())
		right := metric.Sale(pids[0], today, 2, 100)
		err := s.DB.Update(t.Context(), func(tx store.Tx) error {
			wrong := right
			wrong.Quantity = 3
			ghost := metric.Counters{ProductID: pids[2], Day: today, Orders: 1}
			tx.Metrics.Add([]metric.Counters{wrong, ghost})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		uncounted := metric.Sale(pids[1], today, 2, 100)
		want := []store.Difference{
			{Subject: place(pids[0], today), What: "quantity", Want: 2, Got: 3},
			{Subject: place(pids[1], today), What: "orders", Want: 1, Got: 0},
			{Subject: place(pids[1], today), What: "quantity", Want: 2, Got: 0},
			{Subject: place(pids[1], today), What: "amount", Want: 200, Got: 0},
			{Subject: place(pids[1], today), What: "amount_log", Want: uncounted.AmountLog, Got: 0},
			{Subject: place(pids[2], today), What: "orders", Want: 0, Got: 1},
		}
		if diff := cmp.Diff(want, once(t, s.DB)["sales"]); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestEventsThatWaitAreADifferenceUntilTheyHaveLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		addEvent(t, db)
		results, err := verify.New(db).Settled(t.Context(), 2*time.Second, nil)
		if err != nil || allRight(results) {
			t.Errorf("Settled = %v without a difference, but an event waits", err)
		}
		go func() {
			time.Sleep(time.Second)
			relayEvent(t, db)
		}()
		began := time.Now()
		results, err = verify.New(db).Settled(t.Context(), time.Minute, nil)
		if took := time.Since(began); err != nil || !allRight(results) || took > 2*time.Second {
			t.Errorf("Settled = %v, %+v after %v", err, results, took)
		}
	})
}

// Waiting is for differences about events only.
func TestADifferenceThatWaitingCannotResolveIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		addEvent(t, db)
		err := db.Update(t.Context(), func(tx store.Tx) error {
			b, err := tx.Brands.Add(t.Context(), product.Brand{Name: "Acme"})
			if err != nil {
				return err
			}
			p, err := tx.Products.Add(t.Context(), product.Product{BrandID: b.ID, Name: "Cup", Price: 1, Status: product.OnSale, CreatedAt: time.Now()})
			tx.Stocks.Save(product.StockOf(p.ID, 7), product.Movement{ProductID: p.ID, Delta: 5, Quantity: 5, Reason: product.Initial, At: time.Now()})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		results, err := verify.New(db).Settled(t.Context(), time.Minute, nil)
		if took := time.Since(began); err != nil || allRight(results) || took > 0 {
			t.Errorf("Settled = %v, %+v after %v", err, results, took)
		}
	})
}

func TestEventsThatAreSetAsideAreNamed(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t, sqlstore.Options{})
	addEvent(t, db)
	err := db.Update(t.Context(), func(tx store.Tx) error {
		next, err := tx.Outbox.Next(t.Context(), []int{0, 1, 2, 3, 4, 5, 6, 7}, 1)
		if err != nil {
			return err
		}
		return tx.SetAside.Put(t.Context(), store.SetAside{OutboxRecord: next[0], Reason: "it is too large", Attempts: 5, Since: time.Now(), TriedAt: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	results, err := verify.New(db).Once(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		for _, d := range r.Differences {
			if strings.Contains(d.What, "it is too large") && strings.Contains(d.Subject, "key 1") && d.Got == 1 {
				return
			}
		}
	}
	t.Errorf("no difference names the event: %+v", results)
}

func addEvent(t *testing.T, db store.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		tx.Outbox.Append(time.Now(), event.NewStockDepleted(1))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// relayEvent takes the event out of the outbox.
func relayEvent(t *testing.T, db store.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		next, err := tx.Outbox.Next(t.Context(), []int{0, 1, 2, 3, 4, 5, 6, 7}, 10)
		if err != nil || len(next) != 1 {
			return errors.Join(err, errors.New("not one event waits"))
		}
		tx.Outbox.DeletePublished([]int64{next[0].Seq})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func allRight(results []verify.Result) bool {
	for _, r := range results {
		if !r.Right() {
			return false
		}
	}
	return true
}

func place(product int64, day clock.Day) string { return fmt.Sprintf("product %d on %s", product, day) }
