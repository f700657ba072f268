package cards_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// bin is where the programs were built.
var bin string

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &bin)) }

// What is drawn from the seed, each by dice of its own.
const (
	luckOfPlan = iota
	luckOfCards
	luckOfVillain
	luckOfRoad
	luckOfCustomers
)

// luck is all that is drawn in a test; the seed is told.
type luck struct{ seed uint64 }

func lucky(t *testing.T) luck {
	t.Helper()
	l := luck{uint64(number(t, "CARD_SEED", rand.IntN(1_000_000)))}
	t.Logf("to repeat it: CARD_SEED=%d", l.seed)
	return l
}

func (l luck) dice(of uint64) *rand.Rand { return rand.New(rand.NewPCG(l.seed, of)) }

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q: must be a number", name, text)
	}
	return n
}

func TestEveryCardOrderEndsAgainstTheDefaultLiesAndTheBreakerStaysClosed(t *testing.T) {
	t.Parallel()
	luck := lucky(t)
	s := open(t, terms{scenario: "default", expiry: 15 * time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	orders := plan(luck, s.furnish(ctx, number(t, "CARD_ORDERS", 200)))
	c := newCustomers(s, luck)
	c.shop(ctx, orders, 0)
	s.settle(ctx)
	ends := s.checkBooks(ctx, orders)
	if ends["PAID"] == 0 || ends["FAILED"] == 0 {
		t.Errorf("the gateway is to charge 7 of 10 cards: %v", ends)
	}
	for _, a := range s.apis {
		if a.metric(ctx, `commerce_gateway_breaker_state{state="closed"}`) != 1 || a.metric(ctx, `commerce_gateway_breaker_transitions_total{to="open"}`) != 0 {
			t.Errorf("the breaker of %s has opened", a.Name)
		}
	}
	s.verify()
	t.Logf("%d orders: %v; %s", len(orders), ends, s.told(ctx))
}

func TestWhateverTheGatewayDoesAndWhoeverIsKilledEveryCardOrderEndsRight(t *testing.T) {
	t.Parallel()
	luck := lucky(t)
	kills := number(t, "CARD_KILLS", 6)
	down := time.Duration(number(t, "CARD_DOWN", 5)) * time.Second
	s := open(t, terms{scenario: "flaky", lies: stormy, expiry: 20 * time.Second, signed: true, held: luck.dice(luckOfRoad)})
	ctx, cancel := context.WithTimeout(t.Context(), patience+3*time.Minute+down+2*time.Duration(kills)*perBlow)
	defer cancel()
	orders := plan(luck, s.furnish(ctx, number(t, "CARD_ORDERS", 200)))
	v := newVillain(s, luck, kills, down)
	c := newCustomers(s, luck)
	c.fickle = true
	storm := v.loose(ctx)
	c.shop(ctx, orders, v.takes())
	<-storm
	s.settle(ctx)
	ends := s.checkBooks(ctx, orders)
	for _, end := range []string{"PAID", "FAILED", "EXPIRED", "CANCELLED"} {
		if ends[end] == 0 {
			t.Errorf("no order is %s: %v", end, ends)
		}
	}
	s.checkTimes(ctx)
	s.checkStories(ctx)
	s.verify()
	t.Logf("%d orders: %v; %d requests were held up; %s", len(orders), ends, s.road.held, s.told(ctx))
	c.blunder(ctx, orders[0])
	s.searchForCards(ctx, orders, c)
	s.checkStop(ctx)
}
