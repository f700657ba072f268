package cards_test

import (
	"context"
	"errors"
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
	// atMost is how many times slower orders may be while the gateway is gone.
	atMost = 2.0
)

func TestOrdersAreTakenAsFastWhileTheGatewayIsGoneAndTheBreakerHeals(t *testing.T) {
	t.Parallel()
	luck, rounds := lucky(t), number(t, "CARD_ROUNDS", 3)
	s := open(t, terms{scenario: "healthy", expiry: 4 * time.Second, lies: map[string]any{"settleDelayMax": "100ms"}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(3*rounds)*time.Minute)
	defer cancel()
	at := s.furnish(ctx, 0)
	at.orders = (2*3*rounds + 1) * perRound
	orders, c := plan(luck, at), newCustomers(s, luck)
	next := func() (round []*purchase) {
		round, orders = orders[:perRound], orders[perRound:]
		return round
	}
	c.timed(ctx, next()) // warms everybody up
	var ratios []float64
	// A machine that was busy with other things for one round must not decide.
	for i := 0; i < rounds || median(ratios) > atMost && i < 3*rounds; i++ {
		s.healed(ctx, c, at)
		normal := c.timed(ctx, next())
		s.leave(ctx, i)
		gone := c.timed(ctx, next())
		ratios = append(ratios, gone.Seconds()/normal.Seconds())
		t.Logf("99 of 100 orders were answered within %v, and within %v while the gateway was gone: %.2f times as long", normal, gone, ratios[i])
		s.comeBack(ctx, i)
	}
	s.healed(ctx, c, at)
	if got := median(ratios); got > atMost {
		t.Errorf("orders take %.2f times as long while the gateway is gone: %.2f", got, ratios)
	} else {
		t.Logf("median: %.2f times as long", got)
	}
	s.settle(ctx)
	s.verify()
}

// timed places orders as fast as they are answered, and returns within which time
// 99 of 100 were.
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

// leave has the gateway killed, or close every connection.
func (s *shop) leave(ctx context.Context, round int) {
	s.t.Helper()
	if round%2 == 0 {
		_ = s.gateway.Kill(ctx)
		return
	}
	s.gateway.Change(ctx, map[string]any{"down": "close"})
}

func (s *shop) comeBack(ctx context.Context, round int) {
	s.t.Helper()
	before := s.transitions(ctx)
	if round%2 == 0 {
		if err := s.gateway.Start(ctx); err != nil {
			s.t.Fatal(err)
		}
	}
	s.gateway.Change(ctx, map[string]any{"down": "no", "settleDelayMax": "100ms"})
	for i, states := range before {
		if states["open"] == 0 {
			s.t.Errorf("the breaker of %s has not opened: %v", s.apis[i].Name, states)
		}
	}
}

// transitions is how often the breaker of each API came to each state.
func (s *shop) transitions(ctx context.Context) (of [2]map[string]float64) {
	s.t.Helper()
	for i, a := range s.apis {
		of[i] = map[string]float64{}
		for _, state := range []string{"open", "half_open", "closed"} {
			of[i][state] = a.metric(ctx, fmt.Sprintf(`commerce_gateway_breaker_transitions_total{to=%q}`, state))
		}
	}
	return of
}

// healed waits until no payment is under way and both breakers are closed. Somebody
// has to ask the gateway for that: a few more customers.
func (s *shop) healed(ctx context.Context, c *customers, at stand) {
	s.t.Helper()
	at.orders = 2
	err := cluster.Await(ctx, time.Minute, "the breakers are closed and nothing is under way", func() error {
		for i, a := range s.apis {
			if a.metric(ctx, `commerce_gateway_breaker_state{state="closed"}`) == 1 {
				continue
			}
			p := plan(c.luck, at)[i]
			p.key, p.points, p.coupon = fmt.Sprint("extra-", time.Now().UnixNano()), 0, nil
			if !c.place(ctx, p, i) {
				s.t.FailNow()
			}
			backoff.Wait(ctx, 200*time.Millisecond)
			return fmt.Errorf("that of %s is not", a.Name)
		}
		if len(s.strings(ctx, `SELECT id::text FROM orders WHERE status = 'PENDING'`)) > 0 {
			return errors.New("payments are under way")
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for i, of := range s.transitions(ctx) {
		if of["open"] > 0 && (of["half_open"] < of["open"] || of["closed"] == 0) {
			s.t.Errorf("the breaker of %s has healed by %v", s.apis[i].Name, of)
		}
	}
}
