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
	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

const (
	cardNo  = "1234-5678-9814-1451"
	byCard  = `"payment":{"method":"CARD","cardType":"SAMSUNG","cardNo":"` + cardNo + `"}`
	cardMug = `{"items":[{"productId":1,"quantity":2}],"points":4000,` + byCard + `}`
)

// gateway accepts every request, and decides charges when a test says so.
type gateway struct {
	mu       sync.Mutex
	charges  []*payment.Charge // oldest first
	numbers  []cardno.Number   // of the cards
	away     bool
	requests chan pgwire.Transaction // each request, as the transaction of its callback
}

func newGateway() *gateway { return &gateway{requests: make(chan pgwire.Transaction, 16)} }

var errDependency = errors.New("the gateway is away")

// Request implements settle.Gateway.
func (g *gateway) Request(_ context.Context, r payment.ChargeRequest) payment.Reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &payment.Charge{Key: fmt.Sprintf("TR:%d", len(g.charges)+1), OrderID: r.OrderID, Amount: r.Amount, Status: payment.ChargePending}
	g.charges, g.numbers = append(g.charges, c), append(g.numbers, r.Card.Number())
	g.requests <- pgwire.Transaction{
		TransactionKey: c.Key, OrderID: c.OrderID.String(), CardType: r.Card.Type(), CardNo: r.Card.Number().Masked(),
		Amount: int64(c.Amount), Status: pgwire.Pending,
	}
	return payment.Reply{Kind: payment.Accepted, Charge: *c}
}

// Find implements settle.Gateway.
func (g *gateway) Find(_ context.Context, _, orderID id.ID) (found []payment.Charge, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.away {
		return nil, errDependency
	}
	for _, c := range slices.Backward(g.charges) {
		if c.OrderID == orderID {
			found = append(found, *c)
		}
	}
	return found, nil
}

// Cancel implements settle.Gateway.
func (g *gateway) Cancel(_ context.Context, _, _ id.ID, key string) (payment.Charge, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.charges {
		if c.Key == key && !g.away {
			c.Status = payment.ChargeCancelled
			return *c, nil
		}
	}
	return payment.Charge{}, errDependency
}

// decide ends every pending charge.
func (g *gateway) decide(status payment.ChargeStatus, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.charges {
		if c.Status == payment.ChargePending {
			c.Status, c.Reason = status, reason
		}
	}
}

func (g *gateway) setAway(away bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away = away
}

// cardShop is a shop that takes cards.
type cardShop struct {
	*shop

	gateway *gateway
	settle  *settle.Service
}

// cardShopOn opens a shop that takes cards. Cards are not charged until the test calls
// run.
func cardShopOn(t *testing.T, on engine, change ...func(*api.Config)) *cardShop {
	t.Helper()
	s := &cardShop{gateway: newGateway()}
	cards := func(c *api.Config) {
		ids := id.NewSource(c.Clock, zeros{})
		ids() // the first id is the customer's: the golden files have the next ones
		s.settle = settle.New(settle.Config{
			DB: c.DB, Gateway: s.gateway, Compensator: checkout.NewCompensator(ids), Policy: payment.DefaultPolicy(), Holder: "test", Clock: c.Clock, Log: c.Log,
		})
		c.Settle, c.Checkout = s.settle, takingCards(s.settle, c.DB, ids, c.Clock)
		c.Callbacks = pgclient.NewCallbacks(pgwire.Secret{}, c.Clock)
	}
	s.shop = stockedOn(t, on, slices.Concat([]func(*api.Config){cards}, change)...)
	return s
}

// takingCards returns a checkout that takes cards, over a database.
func takingCards(payments *settle.Service, db store.DB, ids id.Source, c clock.Clock) *checkout.Service {
	return checkout.New(db, ids, c, payment.DefaultPolicy(), checkout.WithCharger(payments), checkout.WithPayments(payments))
}

func newCardShop(t *testing.T, change ...func(*api.Config)) *cardShop {
	t.Helper()
	return cardShopOn(t, storetest.SQLite, change...)
}

// run charges cards until the test ends.
func (s *cardShop) run(t *testing.T) {
	t.Helper()
	var done sync.WaitGroup
	done.Go(func() {
		if err := s.settle.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(done.Wait)
}

// buy places an order that a card pays in part.
func (s *cardShop) buy(t *testing.T) (o cardOrder) {
	t.Helper()
	s.as("kim").post("/api/v1/orders", cardMug).must(t, s.shop, http.StatusCreated).into(t, &o)
	return o
}

// order returns an order as it is now.
func (s *cardShop) order(t *testing.T, orderID string) (o cardOrder) {
	t.Helper()
	s.as("kim").get("/api/v1/orders/"+orderID).must(t, s.shop, http.StatusOK).into(t, &o)
	return o
}

type cardOrder struct {
	ID, Status string
	Payment    *struct{ ID, Status, CardLast4 string }
}

// request requests a charge for the card's part of an order, as a process would that
// dies before it has written the reply. It returns the transaction of the callback.
func (s *cardShop) request(t *testing.T, o cardOrder) pgwire.Transaction {
	t.Helper()
	orderID, err := id.Parse(o.ID)
	if err != nil {
		t.Fatal(err)
	}
	card, err := payment.NewCardDetails(payment.Samsung, cardNo)
	if err != nil {
		t.Fatal(err)
	}
	s.gateway.Request(t.Context(), payment.ChargeRequest{OrderID: orderID, Card: card, Amount: 20_000})
	return <-s.gateway.requests
}

// charged has the card's part of an order charged, and returns the transaction of the
// callback.
func (s *cardShop) charged(t *testing.T, o cardOrder) pgwire.Transaction {
	t.Helper()
	c := s.request(t, o)
	s.gateway.decide(payment.ChargeSucceeded, "")
	c.Status = pgwire.Success
	return c
}

// counted returns the value of a counter with a label.
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
