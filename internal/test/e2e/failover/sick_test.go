package failover_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

func TestASickDatabaseHoldsUpOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	s := openServer(t)
	s.start()
	s.admit(40)
	s.aHeldProduct()
	s.aReadOnlyServer()
	s.verify()
}

// Somebody holds the stock of a product, for example to repair it by hand. Its orders are
// told to come again, all of them while it is held; everything else goes on.
func (s *shop) aHeldProduct() {
	s.Helper()
	hot, cold := s.products[0], s.products[1]
	held, err := s.db.Pool.Begin(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	if _, err := held.Exec(s.Context(), `SELECT 1 FROM stocks WHERE product_id = $1 FOR UPDATE`, hot); err != nil {
		s.Fatal(err)
	}
	buy := func(i int) apiclient.Request { return apiclient.Buy(hot, 1).Request(s.customers[i], "held") }
	refused := make(chan []apiclient.Response, 1)
	go func() {
		answers := make([]apiclient.Response, len(s.customers))
		done := make(chan int)
		for i := range s.customers {
			go func() {
				answers[i], _ = s.api.Client().Do(s.Context(), buy(i)) // no answer is not 503
				done <- i
			}()
		}
		for range s.customers {
			<-done
		}
		refused <- answers
	}()
	cluster.Eventually(s.T, patience, "orders wait for the product", func() error {
		if s.api.Metric(s.Context(), `commerce_orders_waiting{for="row"}`)+s.api.Metric(s.Context(), `commerce_orders_lanes`) == 0 {
			return errors.New("none waits")
		}
		return nil
	})
	for _, q := range []apiclient.Request{
		apiclient.Get("", "/api/v1/products"), apiclient.Get("", "/api/v1/products?sort=price_asc"), apiclient.View("", cold),
		apiclient.Points(s.customers[0]), apiclient.DailyRanking(""),
	} {
		s.within(http.StatusOK, q)
	}
	s.within(http.StatusNoContent, apiclient.Like(s.customers[1], hot))
	s.within(http.StatusCreated, apiclient.Buy(cold, 1).Request("customer2", "cold"))
	if err := s.ready(); err != nil {
		s.Errorf("while a product is held: %v", err)
	}
	for i, got := range <-refused {
		if got.Status != http.StatusServiceUnavailable || got.Code() != "BUSY" || got.RetryAfter == "" {
			s.Errorf("order %d of a held product: %v, retry after %q", i, got, got.RetryAfter)
		}
	}
	if err := held.Rollback(s.Context()); err != nil {
		s.Fatal(err)
	}
	for i, got := range s.together(len(s.customers), buy) {
		if got.Status != http.StatusCreated || got.Replayed {
			s.Errorf("order %d afterwards: %v", i, got)
		}
	}
}

// After a failover, connections may lead to a server that may only be read.
func (s *shop) aReadOnlyServer() {
	s.Helper()
	customer, product := s.customers[3], s.products[2]
	order := apiclient.Buy(product, 1).Request(customer, "read-only")
	readOnly := func(on string) {
		for _, text := range []string{
			`SET default_transaction_read_only = off`, `ALTER SYSTEM SET default_transaction_read_only = ` + on, `SELECT pg_reload_conf()`,
		} {
			if _, err := s.db.Pool.Exec(s.Context(), text); err != nil {
				s.Fatal(err)
			}
		}
	}
	readOnly("on")
	s.awaitNotReady()
	for _, q := range []apiclient.Request{
		order, apiclient.Like(customer, product), apiclient.Charge(customer, 1), apiclient.Unlike(customer, product), apiclient.SignUp("nobody"),
	} {
		got, err := s.api.Client().Do(s.Context(), q)
		if err != nil || got.Status != http.StatusServiceUnavailable || got.Code() != "DEPENDENCY_AWAY" || got.RetryAfter == "" {
			s.Errorf("%s %s = %v, %v, retry after %q", q.Method, q.Path, got, err, got.RetryAfter)
		}
	}
	s.within(http.StatusOK, apiclient.Get("", "/api/v1/products?sort=price_desc"))
	s.within(http.StatusOK, apiclient.Points(customer))
	readOnly("off")
	s.awaitReady()
	if got, err := s.api.Client().DoPatiently(s.Context(), order); err != nil || got.Status != http.StatusCreated || got.Replayed {
		s.Errorf("the same order afterwards: %v, %v", got, err)
	}
}

// Statements that were prepared on one connection of the server are run on another, what is
// set on it belongs to somebody else, and nothing is heard of notifications.
func TestTheShopWorksThroughAPooler(t *testing.T) {
	t.Parallel()
	s := openServer(t)
	pooled := cluster.NewPooler(t, s.url(s.port), 8)
	through := "DATABASE_URL=" + pooled
	if code, out := programs.Run(t, append(s.env, through), "commerce", "migrate"); code != 1 || !strings.Contains(out, "DATABASE_DIRECT_URL") {
		t.Errorf("migrate through a pooler = %d\n%s", code, out)
	}
	programs.MustRun(t, append(s.env, through, "DATABASE_DIRECT_URL="+s.url(s.port)), "migrate")
	s.start(through)
	s.admit(8)
	lists := []string{"latest", "price_asc", "price_desc", "likes_desc"}
	s.crowd(300, 16, func(i int) apiclient.Request {
		return apiclient.Get("", fmt.Sprintf("/api/v1/products?sort=%s&page=%d", lists[i%4], i%3))
	})
	s.crowd(200, 8, func(i int) apiclient.Request {
		return apiclient.Buy(s.products[i%5], 1).Request(s.customers[i%8], fmt.Sprint("pooled-", i))
	})
	if n := s.db.Count(t.Context(), `SELECT count(*) FROM orders`); n != 200 {
		t.Errorf("%d orders, want 200", n)
	}
	s.verify(through)
	for _, setting := range pgtest.Rows[struct{ Name string }](t.Context(), s.db, `SELECT objid::text FROM pg_locks WHERE locktype = 'advisory'`) {
		t.Errorf("the lock %s is left", setting.Name)
	}
}
