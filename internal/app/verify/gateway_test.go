package verify_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// gateway lists the charges that a test gives it.
type gateway struct {
	mu      sync.Mutex
	known   map[id.ID][]payment.Charge
	away    int // how many calls fail
	asked   int
	atOnce  int
	most    int
	between func() // after each call
}

var errAway = errors.New("the gateway is away")

// Find implements verify.Gateway and settle.Gateway.
func (g *gateway) Find(_ context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	g.mu.Lock()
	g.asked++
	g.atOnce++
	g.most = max(g.most, g.atOnce)
	found, isAway, between := g.known[orderID], g.away > 0, g.between
	g.away = max(0, g.away-1)
	g.mu.Unlock()
	if between != nil {
		between()
	}
	g.mu.Lock()
	g.atOnce--
	g.mu.Unlock()
	if isAway || user.IsZero() {
		return nil, errAway
	}
	return found, nil
}

// Request implements settle.Gateway.
func (*gateway) Request(context.Context, payment.ChargeRequest) payment.Reply {
	return payment.Reply{Kind: payment.NotReached, Err: errAway}
}

// Cancel implements settle.Gateway. It always fails.
func (*gateway) Cancel(context.Context, id.ID, id.ID, string) (payment.Charge, error) {
	return payment.Charge{}, errAway
}

func (g *gateway) knows(orderID id.ID, charges ...payment.Charge) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range charges {
		charges[i].OrderID = orderID
	}
	g.known[orderID] = charges
}

// cardShop is a shop that takes cards.
type cardShop struct {
	*shoptest.Shop

	gateway *gateway
	service *settle.Service
	mug     int64
	kim     id.ID
}

func newCardShop(t *testing.T, s *shoptest.Shop) *cardShop {
	t.Helper()
	g := &gateway{known: map[id.ID][]payment.Charge{}}
	service := settle.New(settle.Config{
		DB: s.DB, Gateway: g, Compensator: checkout.NewCompensator(s.IDs), Policy: payment.DefaultPolicy(), Holder: "test", Clock: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	s.Checkout = checkout.New(s.DB, s.IDs, time.Now, payment.DefaultPolicy(), checkout.WithCharger(deadProcess{}), checkout.WithPayments(service))
	return &cardShop{s, g, service, s.Product(t, 1000, 10_000), s.Customer(t, 100)}
}

// deadProcess is the checkout.Charger of a process that dies before it has requested
// anything.
type deadProcess struct{}

func (deadProcess) ReserveSlot() error { return nil }

func (deadProcess) ReleaseSlot() {}

func (deadProcess) Charge(context.Context, payment.Payment, payment.CardDetails) {}

func (deadProcess) ChargeIfCommitted(context.Context, payment.Payment, payment.CardDetails) {}

func charge(key string, won money.Won, status payment.ChargeStatus) payment.Charge {
	return payment.Charge{Key: key, Amount: won, Status: status}
}

// buy places an order of 1000 won that a card pays, gives the gateway these charges of it,
// and settles the payment.
func (s *cardShop) buy(t *testing.T, charges ...payment.Charge) order.Order {
	t.Helper()
	points := money.Won(0)
	card, err := payment.NewCardDetails(payment.KB, "1234-5678-9814-1451")
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Checkout.Place(t.Context(), checkout.Request{
		UserID: s.kim, Lines: []order.Want{{ProductID: s.mug, Quantity: 1}}, Points: &points, Card: &card,
	}, store.Unguarded{})
	if err != nil {
		t.Fatal(err)
	}
	s.gateway.knows(o.ID, charges...)
	_, _ = s.service.Settle(t.Context(), o.ID) // an error of the refunds is expected
	return o
}

func (s *cardShop) cancel(t *testing.T, o order.Order) {
	t.Helper()
	if _, err := s.Checkout.Cancel(t.Context(), s.kim, o.ID, "", store.Unguarded{}); err != nil {
		t.Fatal(err)
	}
}

func (s *cardShop) compare(t *testing.T, wait time.Duration) verify.Result {
	t.Helper()
	r, err := verify.New(s.DB).AtGateway(t.Context(), s.gateway, wait, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEqualChargesAreNoDifference(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(shop *shoptest.Shop) {
		t, s := shop.T, newCardShop(t, shop)
		points := money.Won(100)
		if _, err := s.Checkout.Place(t.Context(), checkout.Request{
			UserID: s.kim, Lines: []order.Want{{ProductID: s.Product(t, 100, 1), Quantity: 1}}, Points: &points,
		}, store.Unguarded{}); err != nil { // the gateway is not asked about it
			t.Fatal(err)
		}
		s.buy(t)
		s.buy(t, charge("a", 1000, payment.ChargePending))
		s.buy(t, charge("a", 1000, payment.ChargeSucceeded))
		s.buy(t, charge("a", 1000, payment.ChargeFailed))
		s.buy(t, charge("b", 1000, payment.ChargeSucceeded), charge("a", 1000, payment.ChargeFailed))
		gone := s.buy(t, charge("a", 1000, payment.ChargeSucceeded))
		s.cancel(t, gone)
		s.gateway.knows(gone.ID, charge("a", 1000, payment.ChargeCancelled))
		if r := s.compare(t, 0); !r.Right() || r.Compared != 6 || s.gateway.asked < 6 {
			t.Errorf("%+v", r)
		}
	})
}

func TestEveryDifferenceFromTheGatewayIsNamedByItsOrder(t *testing.T) {
	t.Parallel()
	const keeps, forgot, open = "won that the gateway keeps", "won that the gateway keeps, which does not have a charge that the shop keeps", "charges that are pending although the payment has ended"
	paid, failed := charge("a", 1000, payment.ChargeSucceeded), charge("a", 1000, payment.ChargeFailed)
	for name, c := range map[string]struct {
		known  payment.Charge
		cancel bool
		knows  []payment.Charge
		status order.Status
		want   store.Difference
	}{
		"a charge that the shop does not know": {charge("a", 1000, payment.ChargePending), false, []payment.Charge{paid}, order.Pending, store.Difference{What: keeps, Want: 0, Got: 1000}},
		"a second charge":                      {paid, false, []payment.Charge{charge("b", 1000, payment.ChargeSucceeded), paid}, order.Paid, store.Difference{What: keeps, Want: 1000, Got: 2000}},
		"a charge that the gateway gave back":  {paid, false, []payment.Charge{charge("a", 1000, payment.ChargeCancelled)}, order.Paid, store.Difference{What: keeps + "; it cancelled a charge that the shop keeps: commerce payments recheck ID tells the shop", Want: 1000, Got: 0}},
		"a charge that the gateway forgot":     {paid, false, nil, order.Paid, store.Difference{What: forgot, Want: 1000, Got: 0}},
		"as much by another charge":            {paid, false, []payment.Charge{charge("b", 1000, payment.ChargeSucceeded)}, order.Paid, store.Difference{What: "charges that the shop keeps and the gateway does not have", Want: 0, Got: 1}},
		"a charge of another amount":           {paid, false, []payment.Charge{charge("a", 999, payment.ChargeSucceeded)}, order.Paid, store.Difference{What: keeps, Want: 1000, Got: 999}},
		"a charge that was refused, then made": {failed, false, []payment.Charge{paid}, order.Failed, store.Difference{What: keeps, Want: 0, Got: 1000}},
		"a refund that is not done":            {paid, true, []payment.Charge{paid}, order.Cancelled, store.Difference{What: keeps, Want: 0, Got: 1000}},
		"a charge open of a dead order":        {failed, false, []payment.Charge{charge("b", 1000, payment.ChargePending), failed}, order.Failed, store.Difference{What: open, Want: 0, Got: 1}},
		"a charge open of a paid order":        {paid, false, []payment.Charge{charge("b", 1000, payment.ChargePending), paid}, order.Paid, store.Difference{What: open, Want: 0, Got: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
				t, s := shop.T, newCardShop(t, shop)
				s.buy(t, charge("x", 1000, payment.ChargeSucceeded)) // one without a difference
				o := s.buy(t, c.known)
				if c.cancel {
					s.cancel(t, o)
				}
				s.gateway.knows(o.ID, c.knows...)
				want := c.want // the engines share c
				want.Subject = "order " + o.ID.String() + ", " + string(c.status)
				r := s.compare(t, 0)
				if diff := cmp.Diff([]store.Difference{want}, r.Differences); diff != "" || r.Right() || r.Compared != 2 {
					t.Errorf("%+v\n%s", r, diff)
				}
			})
		})
	}
}

func TestDifferencesInProgressAreComparedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCardShop(t, shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})))
		s.buy(t, charge("x", 1000, payment.ChargeSucceeded))
		o := s.buy(t, charge("a", 1000, payment.ChargePending))
		s.gateway.knows(o.ID, charge("a", 1000, payment.ChargeSucceeded)) // the callback has not arrived yet
		go func() {
			time.Sleep(3 * time.Second)
			if _, err := s.service.Settle(t.Context(), o.ID); err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		r := s.compare(t, time.Minute)
		if took := time.Since(began); !r.Right() || took < 3*time.Second || took > 6*time.Second {
			t.Errorf("%+v after %v", r, took)
		}
		if s.gateway.asked > 20 {
			t.Errorf("the gateway was asked %d times, also again about equal payments", s.gateway.asked)
		}
		s.gateway.knows(o.ID)
		began = time.Now()
		if r := s.compare(t, 10*time.Second); r.Right() || time.Since(began) != 10*time.Second {
			t.Errorf("%+v after %v", r, time.Since(began))
		}
	})
}

func TestAGatewayThatDoesNotAnswerIsAskedAgainAndThenAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newCardShop(t, shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})))
		for range 3 {
			s.buy(t, charge("a", 1000, payment.ChargeSucceeded))
		}
		s.gateway.away = 2 // of three
		if r := s.compare(t, time.Minute); !r.Right() || r.Compared != 3 {
			t.Errorf("%+v", r)
		}
		began := time.Now()
		s.gateway.away = 1_000_000
		_, err := verify.New(s.DB).AtGateway(t.Context(), s.gateway, time.Minute, func(int64) {})
		if took := time.Since(began); !errors.Is(err, verify.ErrGatewayUnavailable) || !errors.Is(err, errAway) || took > 0 {
			t.Errorf("%v after %v", err, took)
		}
		s.gateway.away = 0
		last := s.buy(t, charge("a", 1000, payment.ChargeSucceeded))
		silent := silentAbout{s.gateway, last.ID}
		_, err = verify.New(s.DB).AtGateway(t.Context(), silent, time.Second, func(int64) {})
		if !errors.Is(err, verify.ErrGatewayUnavailable) || !strings.Contains(err.Error(), last.ID.String()) {
			t.Errorf("err = %v", err)
		}
	})
}

// silentAbout is a gateway that never answers about one order.
type silentAbout struct {
	verify.Gateway

	order id.ID
}

// Find implements verify.Gateway.
func (s silentAbout) Find(ctx context.Context, user, orderID id.ID) ([]payment.Charge, error) {
	if orderID == s.order {
		return nil, errAway
	}
	return s.Gateway.Find(ctx, user, orderID)
}

// Each of more payments than a page is compared once, a few at a time, and progress is
// reported.
func TestManyPaymentsAreComparedAFewAtATime(t *testing.T) {
	t.Parallel()
	const many = 600
	s := newCardShop(t, shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})))
	for range many {
		s.buy(t)
	}
	s.gateway.asked = 0
	s.gateway.between = func() { time.Sleep(100 * time.Microsecond) }
	var got []int64
	r, err := verify.New(s.DB).AtGateway(t.Context(), s.gateway, 0, func(n int64) { got = append(got, n) })
	if err != nil || !r.Right() || r.Compared != many || s.gateway.asked != many {
		t.Errorf("%+v, %v; asked %d times", r, err, s.gateway.asked)
	}
	if s.gateway.most < 2 || s.gateway.most > 8 {
		t.Errorf("%d at once", s.gateway.most)
	}
	if len(got) < 3 || got[len(got)-1] != many {
		t.Errorf("got %v", got)
	}
}

func TestAComparisonEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newCardShop(t, shoptest.New(t, storetest.SQLite(t, sqlstore.Options{})))
	o := s.buy(t, charge("a", 1000, payment.ChargeSucceeded))
	s.gateway.knows(o.ID)
	ctx, cancel := context.WithCancel(t.Context())
	s.gateway.between = cancel
	if _, err := verify.New(s.DB).AtGateway(ctx, s.gateway, time.Hour, func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}
