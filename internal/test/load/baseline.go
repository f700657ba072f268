package load

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/test/kit/limits"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// baseline compares our rate with what the machine can do without our code. Both are medians
// of some rounds, in which they take turns.
type baseline struct {
	What, Limit string
	Ours, Bare  float64 // per second
	Ratio       float64 // the median of the rounds
}

const (
	baselineRounds = 3
	baselineTime   = time.Second
)

// compare measures all baselines, in closed loops.
func (r *runner) compare(ctx context.Context, s *shop) []baseline {
	s.tb.Helper()
	c := &crowd{shop: s}
	details, lists := limits.NewClient(s.tb, limits.Readers), limits.NewClient(s.tb, limits.Readers)
	details.Same = sameFacts
	var paths []string
	for n := int64(1); len(paths) < 500; n++ {
		if !s.hidden(n) {
			paths = append(paths, fmt.Sprintf("/api/v1/products/%d", n))
		}
	}
	r.say("comparing with a bare net/http server")
	details.Save(s.tb, s.api.URL, paths...)
	for _, sort := range []string{"latest", "price_asc", "price_desc", "likes_desc"} {
		for brand := range min(s.brands, 50) {
			lists.Save(s.tb, s.api.URL, fmt.Sprintf("/api/v1/products?sort=%s&brandId=%d", sort, brand+1))
		}
	}
	all := []baseline{s.reading("product detail", details), s.reading("product list", lists)}
	if ctx.Err() != nil {
		return all
	}
	r.say("comparing with pgbench")
	if orders := r.ordering(ctx, c); ctx.Err() == nil {
		all = append(all, orders)
	}
	return all
}

// sameFacts compares details up to the numbers, which change by themselves.
func sameFacts(got, want []byte) bool {
	facts, _, _ := bytes.Cut(want, []byte(`"stock":`))
	return bytes.HasPrefix(got, facts) && len(facts) > 0 && bytes.Contains(got, []byte(`"likeCount":`))
}

func (s *shop) reading(what string, c *limits.Client) baseline {
	s.tb.Helper()
	url := c.Bare(s.tb)
	var ours, bare []float64
	for round := range baselineRounds + 1 { // the first one warms up
		b, _ := c.Load(s.tb, url, c.Paths, baselineTime)
		o, _ := c.Load(s.tb, s.api.URL, c.Paths, baselineTime)
		if round > 0 {
			ours, bare = append(ours, o), append(bare, b)
		}
	}
	return compared(what, "bare net/http, same bytes", ours, bare)
}

// ordering compares orders over HTTP by 64 buyers with pgbench.
func (r *runner) ordering(ctx context.Context, c *crowd) baseline {
	c.tb.Helper()
	const buyers, clients, products = 64, 1_000, 10_000
	on := limits.OrderShop{Address: storetest.Schema(c.tb), Buyers: clients, Products: products}
	c.programs.MustRun(c.tb, []string{"DATABASE_URL=" + on.Address}, "migrate")
	db := pgtest.Open(c.tb, on.Address)
	run := func(statement string) {
		if _, err := db.Pool.Exec(context.WithoutCancel(ctx), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			c.tb.Fatal(err)
		}
	}
	run(on.Fill())
	run("ANALYZE users, wallets, brands, products, stocks")
	var ours, bare []float64
	for round := range baselineRounds + 1 {
		for _, statement := range on.Empty() {
			run(statement)
		}
		_, b := limits.Pgbench(c.tb, on, limits.PgbenchClients, baselineTime)
		rec := openloop.Saturate(ctx, buyers, baselineTime, r.seed+uint64(round), func(rng *rand.Rand, _ int) openloop.Request { return c.order(rng, "order") })
		if n := rec.All().Verdicts[openloop.Wrong]; n > 0 {
			c.tb.Errorf("%d orders had wrong answers: %s", n, said(rec.All().Whys))
		}
		if round > 0 {
			ours, bare = append(ours, rec.All().Goodput(rec.Ran)), append(bare, b)
		}
	}
	return compared(fmt.Sprintf("orders over HTTP, %d buyers", buyers), fmt.Sprintf("pgbench, %d clients", limits.PgbenchClients), ours, bare)
}

func compared(what, limit string, ours, bare []float64) baseline {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / bare[i]
	}
	return baseline{what, limit, median(ours), median(bare), median(ratios)}
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}
