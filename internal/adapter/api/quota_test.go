package api_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/store"
)

// charge sends a charge of 5 won with a key.
func (s *shop) charge(who, key string) request {
	return s.as(who).with("Idempotency-Key", key).post("/api/v1/points/charge", `{"amount":5}`)
}

func TestAUserCanUseSoManyKeysInADay(t *testing.T) {
	t.Parallel()
	eachEngine(t, useManyKeys)
}

func useManyKeys(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on, func(c *api.Config) { c.DailyKeys = 3 })
	s.join(t, "lee")
	first := s.charge("kim", "0").must(t, s, 200)
	s.late.Store(3600)
	s.as("kim").with("Idempotency-Key", "1").post("/api/v1/orders", `{"items":[{"productId":1,"quantity":11}]}`).must(t, s, 409)
	s.charge("kim", "2").must(t, s, 200)
	for range 2 {
		a := s.charge("kim", "3").must(t, s, 429)
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		if p := a.problem(t); p.Code != "TOO_MANY_IDEMPOTENCY_KEYS" || err != nil || wait != 23*3600 {
			t.Errorf("%s, again after %d s (%v)", p.Code, wait, err)
		}
	}
	if again := s.charge("kim", "0").must(t, s, 200); again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s\nwant\n%s", again.body, first.body)
	}
	s.as("kim").with("Idempotency-Key", "0").post("/api/v1/points/charge", `{"amount":6}`).must(t, s, 422)
	s.as("kim").post("/api/v1/points/charge", `{"amount":1}`).must(t, s, 200)
	s.charge("lee", "3").must(t, s, 200)
	if k, l := s.balance(t, "kim"), s.balance(t, "lee"); k != 100_011 || l != 5 {
		t.Errorf("balances %d and %d", k, l)
	}
	s.late.Store(24*3600 + 1)
	s.charge("kim", "3").must(t, s, 200)
	s.charge("kim", "4").must(t, s, 429)
}

func TestAnOperatorCanUseAnyNumberOfKeys(t *testing.T) {
	t.Parallel()
	s := stocked(t, func(c *api.Config) { c.DailyKeys = 1 })
	for i := range 3 {
		s.as("admin").with("Idempotency-Key", fmt.Sprint(i)).post("/admin/v1/products/1/stock", `{"delta":1,"reason":"delivery"}`).must(t, s, 200)
	}
}

// viewed is a database that counts how often it is read.
type viewed struct {
	store.DB
	views atomic.Int64
}

func (d *viewed) View(ctx context.Context, fn func(store.Tx) error) error {
	d.views.Add(1)
	return d.DB.View(ctx, fn)
}

func TestTheKeysOfAUsualCustomerAreNotCountedInTheDatabase(t *testing.T) {
	t.Parallel()
	db := &viewed{}
	s := stocked(t, func(c *api.Config) { db.DB, c.DB, c.DailyKeys = c.DB, db, 120 })
	for i := range 3 {
		s.charge("kim", fmt.Sprint(i)).must(t, s, 200)
	}
	if n := db.views.Load(); n > 0 {
		t.Errorf("after three keys the database was asked %d times", n)
	}
	served := 3
	for a := range 240 {
		r, err := s.charge("kim", fmt.Sprint(3+a)).send(t.Context(), s)
		if err != nil || r.status != 200 && r.status != 429 {
			t.Fatal(r.status, err)
		}
		if r.status == 200 {
			served++
		}
	}
	if n := db.views.Load(); served < 120 || served > 120+3 || n > 120/3+1 {
		t.Errorf("%d charges were served, the database was asked %d times", served, n)
	}
}
