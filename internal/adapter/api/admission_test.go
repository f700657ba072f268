package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
)

// hanging is a database that hangs while it is told to.
type hanging struct {
	store.DB
	gate  atomic.Pointer[chan struct{}]
	hangs atomic.Int64 // transactions
}

func (h *hanging) wait(ctx context.Context) {
	if gate := h.gate.Load(); gate != nil {
		h.hangs.Add(1)
		defer h.hangs.Add(-1)
		select {
		case <-*gate:
		case <-ctx.Done():
		}
	}
}

// hang makes the database hang. end ends that.
func (h *hanging) hang() (end func()) {
	gate := make(chan struct{})
	h.gate.Store(&gate)
	return func() { h.gate.Store(nil); close(gate) }
}

// View implements store.DB.
func (h *hanging) View(ctx context.Context, fn func(store.Tx) error) error {
	h.wait(ctx)
	return h.DB.View(ctx, fn)
}

// Update implements store.DB.
func (h *hanging) Update(ctx context.Context, fn func(store.Tx) error) error {
	h.wait(ctx)
	return h.DB.Update(ctx, fn)
}

// crowded is a shop in which one request of a kind is served at a time, and whose orders
// are in a database that can hang. Time passes only while it jumps.
type crowded struct {
	*shop
	orders *checkout.Service
	db     *hanging
	jumps  atomic.Bool
}

const patience = time.Minute

func openCrowded(t *testing.T) *crowded {
	t.Helper()
	c := &crowded{db: &hanging{}}
	var jumped atomic.Int64
	now := func() time.Time {
		if c.jumps.Load() {
			jumped.Add(1)
		}
		return began.Add(time.Duration(jumped.Load()) * patience)
	}
	c.shop = stocked(t, func(config *api.Config) {
		c.db.DB = config.DB
		c.orders = checkout.New(c.db, config.IDs, now, payment.DefaultPolicy(), checkout.WithCrowd(checkout.Crowd{Patience: patience, Clock: now}))
		config.Checkout, config.Clock, config.NearBytes = c.orders, now, 1<<20
		config.Random = func() float64 { return 0.9 }
		config.Admission = api.Admission{Patience: patience, Reads: 1, Writes: 1, LogIns: 1, Coupons: 1, Admin: 1, Gateway: 1}
	})
	return c
}

// fill lets as many orders wait as there is room for. empty ends that.
func (c *crowded) fill(tb testing.TB) (empty func()) {
	tb.Helper()
	ctx, leave := context.WithCancel(tb.Context())
	var all sync.WaitGroup
	for !c.orders.Busy() {
		all.Go(func() {
			r := checkout.Request{UserID: id.ID{1}, Lines: []order.Want{{ProductID: 1, Quantity: 1}}}
			_, _ = c.orders.Place(ctx, r, store.Unguarded{}) // it is abandoned
		})
		runtime.Gosched()
	}
	return func() { leave(); all.Wait() }
}

func TestAnOrderThatIsRefusedHasNoEffectAndItsKeyIsFree(t *testing.T) {
	t.Parallel()
	c := openCrowded(t)
	end := c.db.hang()
	empty := c.fill(t)
	r := c.as("kim").with("Idempotency-Key", "one").post("/api/v1/orders", twoMugs)
	refused := r.must(t, c.shop, 503)
	if p := refused.problem(t); p.Code != "ORDERS_BUSY" || refused.header.Get("Retry-After") != "3" {
		t.Errorf("%+v, Retry-After %q", p, refused.header.Get("Retry-After"))
	}
	// Neither the user nor the body is looked at.
	c.as("nobody").post("/api/v1/orders", "{").must(t, c.shop, 503)
	if n := c.count(t, "commerce_admission_total", "refused"); n != 2 {
		t.Errorf("%v are refused", n)
	}
	// Reads and other writes go on.
	c.as("kim").get("/api/v1/points").must(t, c.shop, 200)
	c.as("kim").post("/api/v1/products/1/likes", "").must(t, c.shop, 204)
	if text := c.log.String(); strings.Contains(text, slog.LevelWarn.String()) {
		t.Errorf("a refusal is a warning: %s", text)
	}
	empty()
	end()
	if a := r.must(t, c.shop, 201); a.header.Get("Idempotent-Replayed") != "" {
		t.Error("the refusal was kept under the key")
	}
	if n, b := c.shop.orders(t, "kim"), c.balance(t, "kim"); n != 1 || b != 76_000 {
		t.Errorf("%d orders, %d won", n, b)
	}
}

func TestReadsThatHangAreRefusedBeforeAnythingIsDoneForThem(t *testing.T) {
	t.Parallel()
	c := openCrowded(t)
	c.as("").get("/api/v1/products/1").must(t, c.shop, 200)
	const list = "/api/v1/orders"
	c.jumps.Store(true) // requests take long: the others would have to wait
	for range 40 {
		c.as("kim").get(list).must(t, c.shop, 200)
	}
	c.jumps.Store(false)
	end := c.db.hang()
	var all sync.WaitGroup
	for range 2 { // one is served, one waits
		all.Go(func() { c.as("kim").get(list).must(t, c.shop, 200) })
	}
	for c.waiting(t, "reads") == 0 {
		runtime.Gosched()
	}
	a := c.with("Authorization", "Bearer x").get("/api/v1/users/me").must(t, c.shop, 503)
	if p := a.problem(t); p.Code != "TOO_BUSY" || a.header.Get("Retry-After") != "3" {
		t.Errorf("%+v", p)
	}
	c.as("").get("/api/v1/products/1").must(t, c.shop, 200) // from the near cache
	c.as("kim").post("/api/v1/products/1/likes", "").must(t, c.shop, 204)
	c.as("admin").get("/admin/v1/events").must(t, c.shop, 200)
	end()
	all.Wait()
	c.as("kim").get(list).must(t, c.shop, 200)
}

func (c *crowded) with(name, value string) request {
	return c.as("").with(name, value)
}

// waiting returns how many requests of a flow wait.
func (c *crowded) waiting(t *testing.T, flow string) (n float64) {
	t.Helper()
	families, err := c.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "commerce_admission_waiting" && m.GetLabel()[0].GetValue() == flow {
				n = m.GetGauge().GetValue()
			}
		}
	}
	return n
}

// A customer who goes away while a read waits leaves the queue.
func TestWhoGoesAwayLeavesTheQueue(t *testing.T) {
	t.Parallel()
	c := openCrowded(t)
	end := c.db.hang()
	var all sync.WaitGroup
	all.Go(func() { c.as("kim").get("/api/v1/orders").must(t, c.shop, 200) })
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	for c.db.hangs.Load() == 0 {
		runtime.Gosched()
	}
	go func() {
		_, err := c.as("kim").get("/api/v1/orders").send(ctx, c.shop)
		gone <- err
	}()
	for c.waiting(t, "reads") == 0 {
		runtime.Gosched()
	}
	leave()
	if err := <-gone; err == nil {
		t.Error("no error")
	}
	for c.waiting(t, "reads") > 0 {
		runtime.Gosched()
	}
	if n := c.count(t, "commerce_admission_total", "left"); n != 1 {
		t.Errorf("%v have left", n)
	}
	end()
	all.Wait()
}

// BenchmarkRefusal is what a refusal costs in the handler.
func BenchmarkRefusal(b *testing.B) {
	c := crowded{db: &hanging{}}
	c.shop = smallShop(b, 0, func(config *api.Config) {
		c.db.DB = config.DB
		c.orders = checkout.New(c.db, config.IDs, time.Now, payment.DefaultPolicy())
		config.Checkout, config.Admission = c.orders, api.Admission{Patience: patience}
	})
	defer c.db.hang()()
	defer c.fill(b)()
	r := requestOf(http.MethodPost, "/api/v1/orders", http.Header{})
	b.ReportAllocs()
	for b.Loop() {
		c.handler.ServeHTTP(&nowhere{http.Header{}}, r)
	}
	if n := c.count(b, "commerce_admission_total", "refused"); n == 0 {
		b.Error("nothing was refused")
	}
}
