package bench_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// flow is something that customers do. act does it for the i-th time.
type flow struct {
	name string
	acts int
	act  func(ctx context.Context, i int) error
}

// costClients is how many customers act at once.
const costClients = 16

// BenchmarkCosts measures what one request of each flow costs in every program and server:
// processor time, and bytes that are written. The costs of what happens later (events are
// sent, counted and logged; cards are charged) are the request's, too.
func BenchmarkCosts(b *testing.B) {
	s := openCostShop(b)
	flows := append(s.reads(), s.writes(b)...)
	for b.Loop() {
		rest := s.atRest(b)
		rows := [][]string{costHeads()}
		for _, f := range flows {
			rows = append(rows, s.measure(b, f, rest))
		}
		table(b, rows)
	}
	b.ReportMetric(0, "ns/op")
}

// measure lets customers act, and returns the costs of one act.
func (s *costShop) measure(b *testing.B, f flow, rest costs) []string {
	b.Helper()
	before := s.spent(b)
	var next atomic.Int64
	var all sync.WaitGroup
	for range costClients {
		all.Go(func() {
			for i := int(next.Add(1)); i <= f.acts && !b.Failed(); i = int(next.Add(1)) {
				if err := f.act(b.Context(), i); err != nil {
					b.Errorf("%s: %v", f.name, err)
				}
			}
		})
	}
	all.Wait()
	if b.Failed() {
		b.FailNow()
	}
	s.settle(b)
	return s.spent(b).since(before).without(rest).row(f.name, f.acts)
}

// reads are the flows of those who look. A product that was looked at before is in the
// near cache of the API; each of the others is asked for once.
func (s *costShop) reads() []flow {
	const known, pages = 100, 5
	get := func(path func(i int) string) func(context.Context, int) error {
		return func(ctx context.Context, i int) error { return s.do(ctx, http.StatusOK, apiclient.Get("", path(i))) }
	}
	return []flow{
		{"product detail, hit", 20_000, get(func(i int) string { return fmt.Sprintf("/api/v1/products/%d", 1+i%known) })},
		{"product detail, miss", 5_000, get(func(i int) string { return fmt.Sprintf("/api/v1/products/%d", known+i) })},
		{"product list, hit", 20_000, get(func(int) string { return "/api/v1/products?sort=price_asc" })},
		{"product list, miss", 3_000, get(func(i int) string { return "/api/v1/products?minPrice=1&maxPrice=" + strconv.Itoa(1_000_000+i) })},
		{"ranking, hit", 20_000, get(func(i int) string { return fmt.Sprintf("/api/v1/rankings?page=%d", 1+i%pages) })},
	}
}

// writes are the flows of those who act. Each act is of another customer.
func (s *costShop) writes(b *testing.B) []flow {
	b.Helper()
	var offer struct{ ID string }
	s.must(b, http.StatusCreated, apiclient.Post("", "/admin/v1/coupons", map[string]any{
		"type": "FIXED", "value": 100, "name": "Offer", "quantity": userCount, "validDays": 1,
	}).WithToken(s.admin), &offer)
	card := &apiclient.Card{Type: "SAMSUNG", Number: "4242-4242-4242-4242"}
	var ordered sync.Map // by number of the customer
	as := func(want int, q func(i int) apiclient.Request) func(context.Context, int) error {
		return func(ctx context.Context, i int) error { return s.do(ctx, want, q(i).WithToken(s.tokens[i])) }
	}
	return []flow{
		{"like", 3_000, as(http.StatusNoContent, func(i int) apiclient.Request { return apiclient.Like("", int64(i)) })},
		{"charge of points", 3_000, as(http.StatusOK, func(int) apiclient.Request { return apiclient.Charge("", 1_000) })},
		{"issue of a coupon", 3_000, as(http.StatusCreated, func(int) apiclient.Request { return apiclient.IssueCoupon("", offer.ID) })},
		{"order by points", 5_000, func(ctx context.Context, i int) error { return s.order(ctx, i, apiclient.Buy(int64(i), 1), &ordered) }},
		{"cancel of it", 3_000, func(ctx context.Context, i int) error {
			id, _ := ordered.Load(i)
			return s.do(ctx, http.StatusOK, apiclient.Cancel("", fmt.Sprint(id)).WithToken(s.tokens[i]))
		}},
		{"order by card", 1_000, func(ctx context.Context, i int) error {
			o := apiclient.Buy(int64(i), 1)
			o.Card = card
			return s.order(ctx, i, o, nil)
		}},
		{"log-in", 100, func(ctx context.Context, _ int) error {
			return s.do(ctx, http.StatusCreated, apiclient.LogIn(costAdmin, apiclient.Password))
		}},
	}
}

// order places an order of a customer, and notes its id if it will be needed.
func (s *costShop) order(ctx context.Context, customer int, o apiclient.NewOrder, placed *sync.Map) error {
	var got struct{ ID string }
	err := s.into(ctx, http.StatusCreated, o.Request("", s.ids().String()).WithToken(s.tokens[customer]), &got)
	if err == nil && placed != nil {
		placed.Store(customer, got.ID)
	}
	return err
}
