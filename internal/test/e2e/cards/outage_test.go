package cards_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

const (
	perRound = 320 // orders
	buyers   = 4   // at once
	// maxRatio is how many times slower orders may be while the gateway is down.
	maxRatio = 2.0
)

func TestOrdersAreAsFastWhileTheGatewayIsDownAndTheBreakerRecovers(t *testing.T) {
	t.Parallel()
	seed, rounds := newSeed(t), number(t, "CARD_ROUNDS", 2)
	s := open(t, options{scenario: "healthy", expiry: 4 * time.Second, faults: map[string]any{"settleDelayMax": "100ms"}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(3*rounds)*time.Minute)
	defer cancel()
	st := s.setUp(ctx, 0)
	st.orders = (2*3*rounds + 1) * perRound
	orders, c := plan(seed, st), newCustomers(s, seed)
	next := func() (round []*purchase) {
		round, orders = orders[:perRound], orders[perRound:]
		return round
	}
	c.timed(ctx, next()) // warms the programs up
	var ratios []float64
	// One round in which the machine was busy must not decide.
	for i := 0; i < rounds || median(ratios) > maxRatio && i < 3*rounds; i++ {
		s.recovered(ctx, c, st)
		normal := c.timed(ctx, next())
		s.takeGatewayDown(ctx, i)
		down := c.timed(ctx, next())
		ratios = append(ratios, down.Seconds()/normal.Seconds())
		t.Logf("99 of 100 orders were answered within %v, and within %v while the gateway was down: %.2f times as long", normal, down, ratios[i])
		s.bringGatewayBack(ctx, i)
	}
	s.recovered(ctx, c, st)
	if got := median(ratios); got > maxRatio {
		t.Errorf("orders take %.2f times as long while the gateway is down: %.2f", got, ratios)
	} else {
		t.Logf("median: %.2f times as long", got)
	}
	s.settle(ctx)
	s.verify()
}

// timed places orders as fast as they are answered, and returns the 99th percentile
// of the times to the answer.
func (c *customers) timed(ctx context.Context, orders []*purchase) time.Duration {
	c.t.Helper()
	took := make([]time.Duration, len(orders))
	var all sync.WaitGroup
	for b := range buyers {
		all.Go(func() {
			for i := b; i < len(orders); i += buyers {
				began := time.Now()
				if !c.place(ctx, orders[i], i/buyers%2) {
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	if c.t.Failed() {
		c.t.FailNow()
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	if len(sorted) == 0 {
		return 0
	}
	return (sorted[len(sorted)/2] + sorted[(len(sorted)-1)/2]) / 2
}

// takeGatewayDown kills the gateway, or lets it close every connection.
func (s *shop) takeGatewayDown(ctx context.Context, round int) {
	s.t.Helper()
	if round%2 == 0 {
		_ = s.gateway.Kill(ctx)
		return
	}
	s.gateway.SetFaults(ctx, map[string]any{"down": "close"})
}

func (s *shop) bringGatewayBack(ctx context.Context, round int) {
	s.t.Helper()
	before := s.transitions(ctx)
	if round%2 == 0 {
		if err := s.gateway.Start(ctx); err != nil {
			s.t.Fatal(err)
		}
	}
	s.gateway.SetFaults(ctx, map[string]any{"down": "no", "settleDelayMax": "100ms"})
	for i, states := range before {
		if states["open"] == 0 {
			s.t.Errorf("the breaker of %s has not opened: %v", s.apis[i].Name, states)
		}
	}
}

// transitions returns how often the breaker of each API has entered each state.
func (s *shop) transitions(ctx context.Context) (of [2]map[string]float64) {
	s.t.Helper()
	for i, a := range s.apis {
		of[i] = map[string]float64{}
		for _, state := range []string{"open", "half_open", "closed"} {
			of[i][state] = a.Metric(ctx, fmt.Sprintf(`commerce_gateway_breaker_transitions_total{to=%q}`, state))
		}
	}
	return of
}

// recovered waits until no payment is pending and both breakers are closed. A breaker
// closes only if requests to the gateway succeed: a few more orders make them.
func (s *shop) recovered(ctx context.Context, c *customers, st stock) {
	s.t.Helper()
	st.orders = 2
	err := cluster.Await(ctx, time.Minute, "the breakers are closed and no payment is pending", func() error {
		for i, a := range s.apis {
			if a.Metric(ctx, `commerce_gateway_breaker_state{state="closed"}`) == 1 {
				continue
			}
			p := plan(c.seed, st)[i]
			p.key, p.points, p.coupon = fmt.Sprint("extra-", time.Now().UnixNano()), 0, ""
			if !c.place(ctx, p, i) {
				s.t.FailNow()
			}
			backoff.Wait(ctx, 200*time.Millisecond)
			return fmt.Errorf("the breaker of %s is open", a.Name)
		}
		if n := s.db.Count(ctx, `SELECT count(*) FROM orders WHERE status = 'PENDING'`); n > 0 {
			return fmt.Errorf("%d orders are pending", n)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for i, of := range s.transitions(ctx) {
		if of["open"] > 0 && (of["half_open"] < of["open"] || of["closed"] == 0) {
			s.t.Errorf("the breaker of %s has recovered by %v", s.apis[i].Name, of)
		}
	}
}
