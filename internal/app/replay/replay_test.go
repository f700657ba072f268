package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

func options() replay.Options {
	return replay.Options{Concurrency: 4, ViewsPerOrder: 2, LikesPerOrder: 1, Seed: 7, RetryTimeout: time.Minute}
}

func run(t *testing.T, s *shop, o replay.Options, invoices []replay.Invoice) replay.Report {
	t.Helper()
	r, err := replayWith(t.Context(), t, s, o, invoices)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func replayWith(ctx context.Context, t *testing.T, s *shop, o replay.Options, invoices []replay.Invoice) (replay.Report, error) {
	t.Helper()
	p := replay.Config{Shop: s, Ranking: s, Products: products(100), Clock: time.Now}
	return replay.New(p, o, slog.New(slog.DiscardHandler)).Run(ctx, invoices, func(int) {})
}

var noon = time.Date(2010, 12, 1, 12, 0, 0, 0, time.UTC)

// buy returns an invoice for a quantity of a product, at a minute past noon.
func buy(number, customer string, productID, quantity int64, minute int) replay.Invoice {
	return replay.Invoice{
		Number: number, Customer: customer, At: noon.Add(time.Duration(minute) * time.Minute),
		Items: []replay.Item{{SKU: fmt.Sprint("sku", productID), Quantity: quantity}},
	}
}

// cancelOf returns an invoice that cancels another one.
func cancelOf(number, customer, of string, minute int) replay.Invoice {
	return replay.Invoice{
		Number: number, Customer: customer, At: noon.Add(time.Duration(minute) * time.Minute), Cancels: of,
		Items: []replay.Item{{SKU: "sku1", Quantity: 1}},
	}
}

func TestTheActionsOfACustomerHappenInOrder(t *testing.T) {
	t.Parallel()
	s, o := newShop(), options()
	o.ViewsPerOrder, o.LikesPerOrder = 0, 0
	r := run(t, s, o, []replay.Invoice{
		buy("1", "ann", 100, 100_000, 0), // exactly one charge
		buy("2", "bob", 100, 250_000, 1), // three charges, and 5 million won left
		cancelOf("C3", "ann", "1", 2), buy("4", "ann", 100, 100_000, 3), buy("5", "bob", 100, 50_000, 4), buy("6", "ann", 1, 1, 5),
	})
	want := map[string][]string{
		"ann": {"charge retail-1-1", "order retail-1", "cancel retail-C3", "order retail-4", "charge retail-6-1", "order retail-6"},
		"bob": {"charge retail-2-1", "charge retail-2-2", "charge retail-2-3", "order retail-2", "order retail-5"},
	}
	if diff := cmp.Diff(want, s.log); diff != "" || !r.Finished() || r.Actions[replay.Order].Sent != 5 {
		t.Errorf("%+v (-want +got)\n%s", r, diff)
	}
}

func TestARepeatedReplayChangesNothing(t *testing.T) {
	t.Parallel()
	s := newShop()
	var invoices []replay.Invoice
	for i := range 40 {
		n := fmt.Sprint(i)
		invoices = append(invoices, buy(n, "c"+fmt.Sprint(i%7), int64(i%9+1), 5, i))
		if i%5 == 0 {
			invoices = append(invoices, cancelOf("C"+n, "c"+fmt.Sprint(i%7), n, i))
		}
	}
	first := run(t, s, options(), invoices[:30])
	views := len(s.viewed)
	again := run(t, s, options(), invoices)
	for _, step := range []replay.Action{replay.Charge, replay.Order, replay.Cancel} {
		if again.Actions[step].Repeated != first.Actions[step].Sent {
			t.Errorf("%s: %d sent, %d repeated", step, first.Actions[step].Sent, again.Actions[step].Repeated)
		}
	}
	if fresh := len(s.viewed) - views; len(s.orders) != 32 || fresh != 2*again.Actions[replay.Order].Sent {
		t.Errorf("%d orders and %d new views; only new orders have views", len(s.orders), fresh)
	}
}

func TestRefusedAndUnknownItemsAreCountedAndNotFatal(t *testing.T) {
	t.Parallel()
	s := newShop()
	s.fail = func(what, key string) error {
		if what == "order" && key == "retail-2" {
			return product.ErrInsufficientStock
		}
		return nil
	}
	half := buy("4", "ann", 3, 1, 4)
	half.Items = append(half.Items, replay.Item{SKU: "gone", Quantity: 1})
	r := run(t, s, options(), []replay.Invoice{
		buy("1", "ann", 1, 1, 1), buy("2", "ann", 2, 1, 2), cancelOf("C2", "ann", "2", 3), half, buy("5", "ann", 999, 1, 5),
	})
	if n := r.Actions[replay.Order]; n.Sent != 2 || n.Refused["INSUFFICIENT_STOCK"] != 1 {
		t.Errorf("orders: %+v", n)
	}
	want := map[string]int{
		"line: the shop has no such product": 2, "purchase: the shop has none of its products": 1,
		"cancel: its order was not placed in this replay": 1,
	}
	if diff := cmp.Diff(want, r.Skipped); diff != "" || !r.Finished() {
		t.Errorf("finished: %v, skipped (-want +got)\n%s", r.Finished(), diff)
	}
}

func TestActionsAreRetriedWhileTheShopIsUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, availableAt := newShop(), time.Now().Add(40*time.Second)
		s.fail = func(string, string) error {
			if time.Now().Before(availableAt) {
				return errUnavailable
			}
			return nil
		}
		r := run(t, s, options(), []replay.Invoice{buy("1", "ann", 1, 1, 1), buy("2", "bob", 1, 1, 1)})
		if len(s.orders) != 2 || r.Retries == 0 || !r.Finished() {
			t.Errorf("%d orders after %d retries", len(s.orders), r.Retries)
		}
	})
}

func TestAViewIsNotRetried(t *testing.T) {
	t.Parallel()
	s, o, failures := newShop(), options(), 0
	s.fail = func(what, _ string) error {
		if what == "view" && failures == 0 {
			failures++
			return errors.New("connection reset")
		}
		return nil
	}
	n := run(t, s, o, []replay.Invoice{buy("1", "ann", 1, 1, 1)}).Actions[replay.View]
	if len(s.viewed) != 1 || n.Sent != 1 || n.Refused["NO_ANSWER"] != 1 {
		t.Errorf("%d viewed, %+v: a view has no key, so a retry might count it twice", len(s.viewed), n)
	}
}

func TestAReplayEndsWhenTheShopStaysUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop()
		s.fail = func(_, key string) error {
			if strings.Contains(key, "-3") {
				return errUnavailable
			}
			return nil
		}
		r, err := replayWith(t.Context(), t, s, options(), []replay.Invoice{
			buy("1", "ann", 1, 1, 1), buy("3", "ann", 1, 1, 2), buy("4", "ann", 1, 1, 3),
		})
		if !errors.Is(err, replay.ErrNoAnswer) || !errors.Is(err, errUnavailable) || r.Done != 1 || r.Of != 3 || !r.Until.Equal(noon.Add(time.Minute)) {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

func TestAStoppedReplayFinishesInvoicesInProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, o := newShop(), options()
		s.took = time.Second
		o.ViewsPerOrder, o.LikesPerOrder = 1, 0
		ctx, stop := context.WithTimeout(t.Context(), 1500*time.Millisecond) // during the order
		defer stop()
		invoices := []replay.Invoice{buy("1", "ann", 1, 1, 1), buy("2", "ann", 1, 1, 2)}
		r, err := replayWith(ctx, t, s, o, invoices)
		if err != nil || r.Done != 1 || r.Finished() || len(s.viewed) != 1 {
			t.Errorf("%v, %d of %d done, %d views: the first invoice is finished", err, r.Done, r.Of, len(s.viewed))
		}
		if r := run(t, s, o, invoices); !r.Finished() || r.Actions[replay.Order].Repeated != 1 {
			t.Errorf("started again: %+v", r)
		}
	})
}

func TestTheSameSeedGivesTheSameViewsAndLikes(t *testing.T) {
	t.Parallel()
	var invoices []replay.Invoice
	for i := range 50 {
		invoices = append(invoices, buy(fmt.Sprint(i), fmt.Sprint("c", i%5), int64(i%9+1), 1, i))
	}
	seen := func(seed uint64, concurrency int) []int64 {
		s, o := newShop(), options()
		o.Seed, o.Concurrency, o.LikesPerOrder = seed, concurrency, 0.5
		run(t, s, o, invoices)
		slices.Sort(s.viewed)
		slices.Sort(s.liked)
		return append(s.viewed, s.liked...)
	}
	one := seen(1, 1)
	if n := len(one); n < 110 || n > 140 {
		t.Errorf("%d views and likes for 50 orders, 2.5 each", n)
	}
	if diff := cmp.Diff(one, seen(1, 9)); diff != "" {
		t.Errorf("with more workers (-1 +9)\n%s", diff)
	}
	if cmp.Equal(one, seen(2, 1)) {
		t.Error("another seed gives the same views and likes")
	}
}

func TestSpeedFollowsTheInvoices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, o := newShop(), options()
		o.Speed = 60
		began := time.Now()
		run(t, s, o, []replay.Invoice{buy("1", "ann", 1, 1, 0), buy("2", "bob", 1, 1, 10), buy("3", "ann", 1, 1, 90)})
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("90 minutes at 60 times their speed took %v", took)
		}
	})
}

// A delay of repeated orders would let more idempotency keys expire.
func TestARestartedReplayDelaysOnlyNewInvoices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, o := newShop(), options()
		o.Speed = 60
		var invoices []replay.Invoice
		for i := range 300 {
			invoices = append(invoices, buy(fmt.Sprint(i), "c"+fmt.Sprint(i%7), 1, 1, i))
		}
		run(t, s, o, invoices[:200])
		began := time.Now()
		r := run(t, s, o, invoices)
		if took := time.Since(began); took > 100*time.Second || took < 80*time.Second {
			t.Errorf("100 minutes at 60 times their speed took %v, after 200 that were repeated", took)
		}
		if r.Actions[replay.Order].Repeated != 200 || len(s.orders) != 300 {
			t.Errorf("%+v, %d orders", r.Actions[replay.Order], len(s.orders))
		}
	})
}

// As after a kill between an order and its likes.
func TestLikesOfARepeatedOrderAreSentAndViewsAreNot(t *testing.T) {
	t.Parallel()
	s, o := newShop(), options()
	invoices := []replay.Invoice{buy("1", "ann", 1, 1, 0), buy("2", "ann", 2, 1, 1)}
	run(t, s, o, invoices)
	views, likes := len(s.viewed), slices.Clone(s.liked)
	r := run(t, s, o, invoices)
	if n := r.Actions[replay.Like]; n.Sent > 0 || n.Repeated != len(likes) {
		t.Errorf("likes: %+v", n)
	}
	if again := s.liked[len(likes):]; len(likes) == 0 || views == 0 || !slices.Equal(again, likes) || len(s.viewed) != views {
		t.Errorf("liked %v, then %v; %d views, then %d", likes, again, views, len(s.viewed))
	}
}

func TestTheDelayOfSomeOrdersIsMeasured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, o := newShop(), options()
		s.lag = 40 * time.Millisecond
		o.Speed, o.ViewsPerOrder, o.LikesPerOrder = 60, 0, 0 // an order each second
		var invoices []replay.Invoice
		for i := range 200 {
			invoices = append(invoices, buy(fmt.Sprint(i), "ann", int64(i%50+1), 1, i))
		}
		d := run(t, s, o, invoices).Delay
		if d.Samples != 10 || d.Lost != 0 || d.P50 < s.lag || d.Max > s.lag+10*time.Millisecond {
			t.Errorf("%+v, want ten samples of 40 ms", d)
		}
	})
}

func TestMeasuringStopsAfterThreeLostOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, o := newShop(), options()
		s.lag = time.Hour
		o.Speed, o.ViewsPerOrder, o.LikesPerOrder = 60, 0, 0
		var invoices []replay.Invoice
		for i := range 400 {
			invoices = append(invoices, buy(fmt.Sprint(i), "ann", int64(i%100+1), 1, i))
		}
		if d := run(t, s, o, invoices).Delay; d.Samples != 0 || d.Lost != 3 {
			t.Errorf("%+v, want three lost and no more", d)
		}
	})
}
