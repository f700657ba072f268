package audit_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	orders "github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// relay hands the outbox of a shop to the log, newest first: the log must not depend on
// the order in which events arrive.
func relay(t *testing.T, s *shoptest.Shop, log *audit.Service) {
	t.Helper()
	records := s.Outbox(t)
	for i := len(records) - 1; i >= 0; i-- {
		e := event.Received{Envelope: records[i].Envelope, Partition: 1, Offset: records[i].Seq}
		if err := log.Handle(t.Context(), []event.Received{e}); err != nil {
			t.Fatal(err)
		}
	}
}

func timeline(t *testing.T, log *audit.Service, order id.ID) (types []string, effects [][]audit.Effect) {
	t.Helper()
	found, err := log.Timeline(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found.Steps {
		types, effects = append(types, s.Type), append(effects, s.Effects)
	}
	return types, effects
}

func TestATimelineTellsWhatHappenedToAnOrder(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		log := audit.New(s.DB, time.Now, quiet())
		user, mug, cup := s.Customer(t, 10_000), s.Product(t, 1_000, 2), s.Product(t, 500, 9)
		offer, err := s.Coupons.Create(t.Context(), coupons.Draft{Name: "Welcome", Type: coupon.Fixed, Value: 300, Quantity: 1, ValidDays: 1}, store.Unguarded{})
		if err != nil {
			t.Fatal(err)
		}
		owned, err := s.Coupons.Issue(t.Context(), user, offer.ID, store.Unguarded{})
		if err != nil {
			t.Fatal(err)
		}
		placed, err := s.Checkout.Place(t.Context(), checkout.Request{
			UserID: user, CouponID: &owned.ID, Lines: []orders.Want{{ProductID: mug, Quantity: 2}, {ProductID: cup, Quantity: 1}},
		}, store.Unguarded{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Checkout.Cancel(t.Context(), user, placed.ID, "changed my mind", store.Unguarded{}); err != nil {
			t.Fatal(err)
		}
		relay(t, s, log)
		types, effects := timeline(t, log, placed.ID)
		if diff := cmp.Diff([]string{"order.placed", "order.paid", "stock.depleted", "order.cancelled"}, types); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		text := func(n int64) string { return strconv.FormatInt(n, 10) }
		taken := []audit.Effect{{audit.Stock, text(mug), -2}, {audit.Stock, text(cup), -1}, {audit.Points, "", -2_200}, {audit.Coupon, owned.ID.String(), -1}}
		back := []audit.Effect{{audit.Stock, text(mug), 2}, {audit.Stock, text(cup), 1}, {audit.Points, "", 2_200}, {audit.Coupon, owned.ID.String(), 1}}
		if diff := cmp.Diff([][]audit.Effect{taken, nil, nil, back}, effects); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, err := log.Timeline(t.Context(), s.IDs()); !errors.Is(err, orders.ErrNotFound) {
			t.Errorf("the timeline of no order: %v", err)
		}
	})
}

// Two programs take part in an order, and the clock of the second is behind.
func TestATimelineDoesNotGoByClocksWhereKafkaKnowsTheOrder(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		log := audit.New(s.DB, at(noon), quiet())
		user, mug := s.Customer(t, 10_000), s.Product(t, 1_000, 2)
		placed, err := s.Checkout.Place(t.Context(), checkout.Request{UserID: user, Lines: []orders.Want{{ProductID: mug, Quantity: 1}}}, store.Unguarded{})
		if err != nil {
			t.Fatal(err)
		}
		step := func(kind string, offset int64, after time.Duration) event.Received {
			e := received(kind, placed.ID.String(), "{}")
			e.Topic, e.Partition, e.Offset, e.Time = "order-events", 3, offset, noon.Add(after)
			return e
		}
		depleted := received("stock.depleted", "7", `{"orderId":"`+placed.ID.String()+`"}`)
		depleted.Offset, depleted.Time = 9_000, noon.Add(time.Second)
		batch := []event.Received{
			step("one", 1, time.Second), step("two", 2, 0), step("three", 3, 2*time.Second), depleted, step("zero", 0, 3*time.Millisecond),
		}
		if err := log.Handle(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		types, _ := timeline(t, log, placed.ID)
		if diff := cmp.Diff([]string{"zero", "one", "two", "stock.depleted", "three"}, types); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		moved := step("four", 0, time.Minute) // the topic has more partitions now
		moved.Partition = 1
		if err := log.Handle(t.Context(), []event.Received{moved}); err != nil {
			t.Fatal(err)
		}
		types, _ = timeline(t, log, placed.ID)
		if diff := cmp.Diff([]string{"zero", "one", "two", "stock.depleted", "three", "four"}, types); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
