package invalidate_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/invalidate"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// heard notes what it is told. It is a cache, and other processes.
type heard struct {
	mu    sync.Mutex
	told  [][]int64
	err   error
	takes time.Duration
}

func (h *heard) Invalidate(_ context.Context, ids []int64) error {
	time.Sleep(h.takes)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.told = append(h.told, ids)
	}
	return h.err
}

func (h *heard) AnnounceProducts(ctx context.Context, ids []int64) error {
	return h.Invalidate(ctx, ids)
}

func (h *heard) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

func (h *heard) check(t *testing.T, want ...[]int64) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.EqualFunc(h.told, want, slices.Equal[[]int64]) {
		t.Errorf("told %v, want %v", h.told, want)
	}
}

// start runs a component until the test ends.
func start(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func product(pid int64) store.Change { return store.Change{ProductID: pid, Facts: true} }

func TestFactsAreAnnouncedTogetherWithThoseThatChangeMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &heard{takes: 10 * time.Millisecond}
		a := invalidate.NewAnnouncer(h, slog.New(slog.DiscardHandler))
		defer start(t, a.Run)()
		a.Committed([]store.Change{product(1), {ProductID: 2, Stock: true}}) // of 2 only a number has changed
		time.Sleep(time.Millisecond)
		for range 3 {
			a.Committed([]store.Change{product(4), {ProductID: 3, Facts: true, Stock: true}})
		}
		time.Sleep(time.Second)
		h.check(t, []int64{1}, []int64{3, 4})
	})
}

func TestWhatCannotBeAnnouncedIsNotAnnouncedLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &heard{err: errors.New("away")}
		a := invalidate.NewAnnouncer(h, slog.New(slog.DiscardHandler))
		defer start(t, a.Run)()
		a.Committed([]store.Change{product(1)})
		time.Sleep(time.Second)
		synctest.Wait() // an attempt may be due just now
		h.fail(nil)
		a.Committed([]store.Change{product(2)})
		time.Sleep(time.Second)
		h.check(t, []int64{2})
	})
}

func TestAProcessIsBehindUntilItsChangesAreInvalidated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &heard{err: errors.New("away")}
		o := invalidate.NewOwn(h, slog.New(slog.DiscardHandler))
		defer start(t, o.Run)()
		o.Committed([]store.Change{{ProductID: 9, Facts: true, Stock: true}}) // its stock is not in the cache
		if o.Behind() {
			t.Error("behind after a change of stock")
		}
		o.Committed([]store.Change{product(1)})
		time.Sleep(time.Minute)
		synctest.Wait() // an attempt may be due just now
		if !o.Behind() {
			t.Error("not behind although the cache is away")
		}
		o.Committed([]store.Change{product(2)})
		h.fail(nil)
		time.Sleep(time.Second)
		if o.Behind() {
			t.Error("still behind")
		}
		h.check(t, []int64{1, 2})
	})
}

// A change that comes while others are invalidated is not covered by that.
func TestAChangeDuringAnInvalidationLeavesTheProcessBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &heard{takes: 10 * time.Millisecond}
		o := invalidate.NewOwn(h, slog.New(slog.DiscardHandler))
		defer start(t, o.Run)()
		o.Committed([]store.Change{product(1)})
		time.Sleep(5 * time.Millisecond)
		o.Committed([]store.Change{product(2)})
		time.Sleep(10 * time.Millisecond) // the first one has ended
		if !o.Behind() {
			t.Error("not behind")
		}
		time.Sleep(time.Second)
		if o.Behind() {
			t.Error("still behind")
		}
		h.check(t, []int64{1}, []int64{2})
	})
}

func received(t *testing.T, e event.Event) event.Received {
	t.Helper()
	v, err := event.Wrap(id.ID{1}, time.Now(), "", e)
	if err != nil {
		t.Fatal(err)
	}
	return event.Received{Envelope: v}
}

func TestEventsOfChangedProductsInvalidateThem(t *testing.T) {
	t.Parallel()
	h := &heard{}
	e := invalidate.NewEvents(h)
	viewed, depleted := received(t, event.NewProductViewed(1, nil)), received(t, event.NewStockDepleted(2))
	changed := received(t, event.NewProductChanged(3, 1, "Mug", 1, "HIDDEN"))
	odd := changed
	odd.Key = "x"
	for _, batch := range [][]event.Received{{}, {viewed, depleted, odd}, {changed, viewed, changed}} {
		if err := e.Handle(t.Context(), batch); err != nil {
			t.Error(err)
		}
	}
	h.check(t, []int64{3})
	h.err = errors.New("away")
	if err := e.Handle(t.Context(), []event.Received{changed}); !errors.Is(err, h.err) || e.Invalidated() != 1 {
		t.Errorf("%v, %d invalidated", err, e.Invalidated())
	}
}
