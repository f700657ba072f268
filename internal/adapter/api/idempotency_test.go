package api_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/store"
)

const twoMugs = `{"items":[{"productId":1,"quantity":2}]}`

func (s *shop) balance(t *testing.T, loginID string) (n int64) {
	t.Helper()
	var b struct{ Balance int64 }
	s.as(loginID).get("/api/v1/points").must(t, s, 200).into(t, &b)
	return b.Balance
}

func (s *shop) orders(t *testing.T, loginID string) int {
	t.Helper()
	var p struct{ Items []any }
	s.as(loginID).get("/api/v1/orders?size=100").must(t, s, 200).into(t, &p)
	return len(p.Items)
}

func TestARepeatedOrderGetsTheFirstResponseAgain(t *testing.T) {
	t.Parallel()
	eachEngine(t, repeatAnOrder)
}

func repeatAnOrder(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	r := s.as("kim").with("Idempotency-Key", `"8e03978e-40d5-43e8-bc93-6894a57f9324"`)
	first := r.post("/api/v1/orders", twoMugs).must(t, s, 201)
	if h := first.header.Get("Idempotent-Replayed"); h != "" {
		t.Errorf("the first response has Idempotent-Replayed: %q", h)
	}
	s.late.Store(60)
	for name, again := range map[string]request{
		"the same":         r.post("/api/v1/orders", twoMugs),
		"reformatted":      r.post("/api/v1/orders", `{"items": [ {"quantity": 2, "productId": 1} ] }`),
		"with a bare key":  s.as("kim").with("Idempotency-Key", "8e03978e-40d5-43e8-bc93-6894a57f9324").post("/api/v1/orders", twoMugs),
		"in another trace": r.with("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").post("/api/v1/orders", twoMugs),
	} {
		a := again.must(t, s, 201)
		if a.body != first.body || a.header.Get("Location") != first.header.Get("Location") ||
			a.header.Get("Content-Type") != first.header.Get("Content-Type") || a.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: %v\n%s\nwant %v\n%s", name, a.header, a.body, first.header, first.body)
		}
	}
	if n, b := s.orders(t, "kim"), s.balance(t, "kim"); n != 1 || b != 76_000 {
		t.Errorf("%d orders, %d won; want 1 and 76000", n, b)
	}
}

func TestAKeyBelongsToOneRequestOfOneUser(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.join(t, "lee")
	key := func(loginID string) request { return s.as(loginID).with("Idempotency-Key", "k") }
	key("kim").post("/api/v1/points/charge", `{"amount":5}`).must(t, s, 200)
	if p := key("kim").post("/api/v1/points/charge", `{"amount":6}`).must(t, s, 422).problem(t); p.Code != "IDEMPOTENCY_KEY_REUSED" {
		t.Errorf("code = %s", p.Code)
	}
	key("lee").post("/api/v1/points/charge", `{"amount":7}`).must(t, s, 200)
	key("kim").post("/api/v1/orders", twoMugs).must(t, s, 201)
	if k, l := s.balance(t, "kim"), s.balance(t, "lee"); k != 76_005 || l != 7 {
		t.Errorf("balances = %d and %d, want 76005 and 7", k, l)
	}
}

func TestThePathIsPartOfTheIdempotentRequest(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	one := s.as("kim").post("/api/v1/orders", twoMugs).must(t, s, 201).header.Get("Location")
	two := s.as("kim").post("/api/v1/orders", twoMugs).must(t, s, 201).header.Get("Location")
	r := s.as("kim").with("Idempotency-Key", "k")
	first := r.post(one+"/cancel", `{"reason":"too dear"}`).must(t, s, 200)
	r.post(two+"/cancel", `{"reason":"too dear"}`).must(t, s, 422)
	if again := r.post(one+"/cancel", `{"reason":"too dear"}`).must(t, s, 200); again.body != first.body {
		t.Errorf("%s\nwant\n%s", again.body, first.body)
	}
	if b := s.balance(t, "kim"); b != 76_000 {
		t.Errorf("balance = %d, want 76000", b)
	}
}

func TestAStoredErrorIsRepeatedToo(t *testing.T) {
	t.Parallel()
	eachEngine(t, repeatAnError)
}

func repeatAnError(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	r := s.as("kim").with("Idempotency-Key", "k")
	first := r.post("/api/v1/orders", `{"items":[{"productId":1,"quantity":11}]}`).must(t, s, 409)
	s.as("admin").post("/admin/v1/products/1/stock", `{"delta":5,"reason":"delivery"}`).must(t, s, 200)
	again := r.post("/api/v1/orders", `{"items":[{"productId":1,"quantity":11}]}`).must(t, s, 409)
	if again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v\n%s\nwant\n%s", again.header, again.body, first.body)
	}
}

// noUpdates is a database that cannot be written.
type noUpdates struct{ store.DB }

func (noUpdates) Update(context.Context, func(store.Tx) error) error { return errors.New("no") }

func TestARefusedOrderIsStoredInTheTransactionThatJudgesIt(t *testing.T) {
	t.Parallel()
	s := stocked(t, func(c *api.Config) { c.DB = noUpdates{c.DB} })
	r := s.as("kim").with("Idempotency-Key", "k").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":11}]}`)
	first := r.must(t, s, 409)
	if again := r.must(t, s, 409); again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v\n%s\nwant\n%s", again.header, again.body, first.body)
	}
}

// A refusal that is given once is given for a day, so one that cannot be kept is not given.
func TestARefusalThatCannotBeStoredIsNotGiven(t *testing.T) {
	t.Parallel()
	db := &readOnlyDB{}
	s := stocked(t, func(c *api.Config) { db.DB, c.DB = c.DB, db })
	r := s.as("admin").with("Idempotency-Key", "k").post("/admin/v1/products/1/stock", `{"delta":-11,"reason":"lost"}`)
	db.refuses.Store(true)
	r.must(t, s, 503)
	db.refuses.Store(false)
	s.as("admin").post("/admin/v1/products/1/stock", `{"delta":5,"reason":"delivery"}`).must(t, s, 200)
	first := r.must(t, s, 200)
	if again := r.must(t, s, 200); again.body != first.body {
		t.Errorf("%s\nwant\n%s", again.body, first.body)
	}
}

// readOnlyDB is a database that cannot be written at times.
type readOnlyDB struct {
	store.DB
	refuses atomic.Bool
}

func (d *readOnlyDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	if d.refuses.Load() {
		return sqlstore.ErrUnavailable
	}
	return d.DB.Update(ctx, fn)
}

// interceptedDB is a database that calls beforeFirst before its first update.
type interceptedDB struct {
	store.DB
	once        sync.Once
	beforeFirst func()
}

func (d *interceptedDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	d.once.Do(d.beforeFirst)
	return d.DB.Update(ctx, fn)
}

func TestAnErrorYieldsToTheResponseOfAConcurrentRequestWithItsKey(t *testing.T) {
	t.Parallel()
	db := &interceptedDB{}
	s := stocked(t, func(c *api.Config) { db.DB, c.DB = c.DB, db })
	const path = "/admin/v1/products/1/stock"
	r := s.as("admin").with("Idempotency-Key", "k").post(path, `{"delta":-11,"reason":"lost"}`)
	var concurrent response
	db.beforeFirst = func() { // the first request has failed, and its error is not stored yet
		s.as("admin").post(path, `{"delta":5,"reason":"delivery"}`).must(t, s, 200)
		concurrent = r.must(t, s, 200)
	}
	if first := r.must(t, s, 200); first.body != concurrent.body || first.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v\n%s\nwant\n%s", first.header, first.body, concurrent.body)
	}
	s.as("admin").post(path, `{"delta":-5,"reason":"lost"}`).must(t, s, 409) // 4 are left: it was done once
}

func TestThirtyTwoConcurrentRequestsWithOneKeyPlaceOneOrder(t *testing.T) {
	t.Parallel()
	eachEngine(t, orderAtOnce)
}

func orderAtOnce(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	answers, start := make([]response, 32), make(chan struct{})
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			<-start
			a, err := s.as("kim").with("Idempotency-Key", "k").post("/api/v1/orders", twoMugs).send(t.Context(), s)
			if err != nil {
				t.Error(err)
			}
			answers[i] = a
		})
	}
	close(start)
	all.Wait()
	bodies := map[string]bool{}
	for _, a := range answers {
		switch {
		case a.status == 201:
			bodies[a.body] = true
		case a.status != 409 || a.problem(t).Code != "IDEMPOTENCY_KEY_IN_USE":
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if n, b := s.orders(t, "kim"), s.balance(t, "kim"); n != 1 || b != 76_000 || len(bodies) != 1 {
		t.Errorf("%d orders, %d answers, %d won; want 1, 1 and 76000", n, len(bodies), b)
	}
}

func TestEveryRouteThatMovesMoneyOrStockAcceptsAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	order, kind := s.as("kim").post("/api/v1/orders", twoMugs).must(t, s, 201).header.Get("Location"), s.offer(t, tenPercent)
	for i, c := range []struct{ who, path, body string }{
		{"kim", "/api/v1/points/charge", `{"amount":5}`},
		{"kim", "/api/v1/orders", twoMugs},
		{"kim", order + "/cancel", ""},
		{"admin", "/admin/v1/products", `{"brandId":1,"name":"Cup","price":1,"stock":5}`},
		{"admin", "/admin/v1/products/1/stock", `{"delta":5,"reason":"delivery"}`},
		{"admin", "/admin/v1/coupons", tenPercent},
		{"kim", "/api/v1/coupons/" + kind + "/issue", ""},
	} {
		r := s.as(c.who).with("Idempotency-Key", fmt.Sprint("k", i)).post(c.path, c.body)
		first, err := r.send(t.Context(), s)
		if err != nil || first.status > 201 {
			t.Fatalf("%s: %d %v %s", c.path, first.status, err, first.body)
		}
		again := r.must(t, s, first.status)
		if again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s:\n%s\nwant\n%s", c.path, again.body, first.body)
		}
	}
}

func TestAnOrderNeedsAnIdempotencyKeyIfConfigured(t *testing.T) {
	t.Parallel()
	s := stocked(t, func(c *api.Config) { c.RequireIdempotencyKey = true })
	if p := s.as("kim").post("/api/v1/orders", twoMugs).must(t, s, 400).problem(t); p.Code != "IDEMPOTENCY_KEY_REQUIRED" {
		t.Errorf("code = %s", p.Code)
	}
	for _, key := range []string{"k", strings.Repeat("k", 255), `"a key"`, `"a \"key\" \\"`} {
		s.as("kim").with("Idempotency-Key", key).post("/api/v1/orders", `{"items":[{"productId":1,"quantity":1}]}`).must(t, s, 201)
	}
}
