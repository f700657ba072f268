package cards_test

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

var programs cluster.Programs

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &programs)) }

// Each purpose has random numbers of its own, all from the seed.
const (
	forPlan = iota
	forCards
	forFaults
	forProxy
	forCustomers // and on, for each queue
)

// seed makes the random numbers of a test.
type seed uint64

// newSeed returns CARD_SEED, or any seed, which is logged.
func newSeed(t *testing.T) seed {
	t.Helper()
	n := cluster.EnvNumber(t, "CARD_SEED", rand.Uint64N(1_000_000))
	t.Logf("to repeat it: CARD_SEED=%d", n)
	return seed(n)
}

func (s seed) rng(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(uint64(s), purpose)) }

// number returns a number from the environment.
func number(t *testing.T, name string, fallback uint64) int {
	t.Helper()
	return int(cluster.EnvNumber(t, name, fallback))
}

func TestEveryCardOrderEndsWithTheDefaultGatewayAndTheBreakerStaysClosed(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	// 4 of 1,000 cards meet six refusals in a row, and are not sent again: they expire.
	s := open(t, options{scenario: "default", expiry: 2 * time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	orders := plan(seed, s.setUp(ctx, number(t, "CARD_ORDERS", 200)))
	c := newCustomers(s, seed)
	c.shop(ctx, orders, 0)
	s.settle(ctx)
	statuses := s.checkDatabase(ctx, orders)
	if statuses["PAID"] == 0 || statuses["FAILED"] == 0 {
		t.Errorf("the gateway must charge 7 of 10 cards: %v", statuses)
	}
	for _, a := range s.apis {
		if a.Metric(ctx, `commerce_gateway_breaker_state{state="closed"}`) != 1 || a.Metric(ctx, `commerce_gateway_breaker_transitions_total{to="open"}`) != 0 {
			t.Errorf("the breaker of %s has opened", a.Name)
		}
	}
	s.verify()
	t.Logf("%d orders: %v; %s", len(orders), statuses, s.summary(ctx))
}

func TestEveryCardOrderEndsRightWhileTheGatewayAndTheAPIsFail(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	kills := number(t, "CARD_KILLS", 6)
	down := time.Duration(number(t, "CARD_DOWN", 5)) * time.Second
	s := open(t, options{scenario: "flaky", faults: worstFaults(), expiry: 20 * time.Second, signed: true, delays: seed.rng(forProxy)})
	ctx, cancel := context.WithTimeout(t.Context(), settleTimeout+3*time.Minute+down+2*time.Duration(kills)*perFault)
	defer cancel()
	orders := plan(seed, s.setUp(ctx, number(t, "CARD_ORDERS", 200)))
	in := newInjector(s, seed, kills, down)
	c := newCustomers(s, seed)
	c.cancels = true
	done := in.start(ctx)
	c.shop(ctx, orders, in.duration())
	<-done
	s.settle(ctx)
	statuses := s.checkDatabase(ctx, orders)
	for _, status := range []string{"PAID", "FAILED", "EXPIRED", "CANCELLED"} {
		if statuses[status] == 0 {
			t.Errorf("no order is %s: %v", status, statuses)
		}
	}
	s.checkTimes(ctx)
	s.checkEvents(ctx)
	s.verify()
	t.Logf("%d orders: %v; %d requests were delayed; %s", len(orders), statuses, s.proxy.delayed, s.summary(ctx))
	c.sendInvalid(ctx, orders[0])
	s.searchForCards(ctx, orders, c)
	cluster.StopAll(ctx, s.db, s.services()...)
}
