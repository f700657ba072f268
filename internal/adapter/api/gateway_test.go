package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

const (
	cardNo  = "1234-5678-9814-1451"
	byCard  = `"payment":{"method":"CARD","cardType":"SAMSUNG","cardNo":"` + cardNo + `"}`
	cardMug = `{"items":[{"productId":1,"quantity":2}],"points":4000,` + byCard + `}`
)

// gateway takes every card, and charges it when a test says so.
type gateway struct {
	mu      sync.Mutex
	charges []*pgwire.Transaction // oldest first
	numbers []cardno.Number       // that it was told
	away    bool
	asked   chan pgwire.Transaction // each charge that was asked for
}

func newGateway() *gateway { return &gateway{asked: make(chan pgwire.Transaction, 16)} }

var errDependency = errors.New("the gateway is away")

// Request implements settle.Gateway.
func (g *gateway) Request(_ context.Context, _, _ string, r pgwire.Request) payment.Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &pgwire.Transaction{
		TransactionKey: fmt.Sprintf("TR:%d", len(g.charges)+1), OrderID: r.OrderID, CardType: r.CardType, CardNo: r.CardNo.Masked(),
		Amount: r.Amount, Status: pgwire.Pending,
	}
	g.charges, g.numbers = append(g.charges, t), append(g.numbers, r.CardNo)
	g.asked <- *t
	return payment.Reply{Kind: payment.Accepted, Transaction: *t}
}

// Find implements settle.Gateway.
func (g *gateway) Find(_ context.Context, _, orderID string) (found []pgwire.Transaction, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.away {
		return nil, errDependency
	}
	for _, t := range slices.Backward(g.charges) {
		if t.OrderID == orderID {
			found = append(found, *t)
		}
	}
	return found, nil
}

// Cancel implements settle.Gateway.
func (g *gateway) Cancel(_ context.Context, _, key string) (pgwire.Transaction, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.charges {
		if t.TransactionKey == key && !g.away {
			t.Status = pgwire.Cancelled
			return *t, nil
		}
	}
	return pgwire.Transaction{}, errDependency
}

// decide charges the card of every charge that is open, or does not.
func (g *gateway) decide(status pgwire.Status, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.charges {
		if t.Status == pgwire.Pending {
			t.Status, t.Reason = status, reason
		}
	}
}

func (g *gateway) setAway(away bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away = away
}

// till is a shop that takes cards.
type till struct {
	*shop

	gateway *gateway
	desk    *settle.Service
}

// tillOn opens a shop that takes cards, whose requests to the gateway nobody
// makes until the test lets it run.
func tillOn(t *testing.T, on engine, change ...func(*api.Config)) *till {
	t.Helper()
	s := &till{gateway: newGateway()}
	cards := func(c *api.Config) {
		s.desk = settle.New(settle.Config{
			DB: c.DB, Gateway: s.gateway, Compensator: c.Checkout, Policy: payment.DefaultPolicy(), Holder: "test", Clock: c.Clock, Log: c.Log,
		})
		c.Settle = s.desk
	}
	s.shop = stockedOn(t, on, slices.Concat([]func(*api.Config){cards}, change)...)
	return s
}

func newTill(t *testing.T, change ...func(*api.Config)) *till {
	t.Helper()
	return tillOn(t, storetest.SQLite, change...)
}

// run has the gateway asked for what is ordered, until the test ends.
func (s *till) run(t *testing.T) {
	t.Helper()
	var done sync.WaitGroup
	done.Go(func() {
		if err := s.desk.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(done.Wait)
}

// buy places an order that a card pays in part, and returns it as it is answered.
func (s *till) buy(t *testing.T) (o cardOrder) {
	t.Helper()
	s.as("kim").post("/api/v1/orders", cardMug).must(t, s.shop, http.StatusCreated).into(t, &o)
	return o
}

// order is an order as it is now.
func (s *till) order(t *testing.T, orderID string) (o cardOrder) {
	t.Helper()
	s.as("kim").get("/api/v1/orders/"+orderID).must(t, s.shop, http.StatusOK).into(t, &o)
	return o
}

type cardOrder struct {
	ID, Status string
	Payment    *struct{ ID, Status, CardLast4 string }
}

// ask has the gateway asked for the card's part of an order, as if by a process
// that died before it could write what it was answered.
func (s *till) ask(t *testing.T, o cardOrder) pgwire.Transaction {
	t.Helper()
	s.gateway.Request(t.Context(), "", "", pgwire.Request{OrderID: o.ID, CardType: pgwire.Samsung, CardNo: cardNo, Amount: 20_000})
	return <-s.gateway.asked
}

// charged has the gateway charge the card's part of an order, and returns what
// it would call back with.
func (s *till) charged(t *testing.T, o cardOrder) pgwire.Transaction {
	t.Helper()
	c := s.ask(t, o)
	s.gateway.decide(pgwire.Success, "")
	c.Status = pgwire.Success
	return c
}

// counted is the value of a counter with a label.
func (s *shop) counted(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && strings.Contains(m.String(), `value:"`+label+`"`) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
