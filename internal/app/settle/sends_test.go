package settle_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

// stub is an HTTP server in a synctest bubble that answers each POST in one way, and has
// no transaction of any order.
type stub struct {
	post  http.HandlerFunc
	posts atomic.Int64
	calls chan net.Conn
	ended chan struct{}
}

// ServeHTTP implements http.Handler.
func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.posts.Add(1)
		s.post(w, r)
		return
	}
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write([]byte(`{"meta":{"result":"FAIL","errorCode":"NOT_FOUND","message":"none"},"data":null}`))
}

// Accept implements net.Listener.
func (s *stub) Accept() (net.Conn, error) {
	select {
	case c := <-s.calls:
		return c, nil
	case <-s.ended:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (*stub) Close() error { return nil }

// Addr implements net.Listener.
func (*stub) Addr() net.Addr { return &net.TCPAddr{} }

func (s *stub) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case s.calls <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// withStub returns a service that talks HTTP with a gateway that answers each POST so.
func withStub(t *testing.T, post http.HandlerFunc) (*cardShop, *stub, func()) {
	t.Helper()
	g := &stub{post: post, calls: make(chan net.Conn), ended: make(chan struct{})}
	server := &http.Server{Handler: g}
	go func() { _ = server.Serve(g) }()
	var client *pgclient.Client
	s, end := running(t, func(c *settle.Config) {
		var err error
		client, err = pgclient.New(pgclient.Config{URL: "http://gateway", Clock: time.Now, Registerer: prometheus.NewRegistry(), Log: c.Log, Dial: g.dial})
		if err != nil {
			t.Fatal(err)
		}
		c.Gateway = client
	})
	return s, g, func() {
		end()
		client.Close()
		close(g.ended)
		_ = server.Close()
	}
}

func answers(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
}

func TestARefusalWithStatus200FailsTheOrderAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, g, stop := withStub(t, answers(200, `{"meta":{"result":"FAIL","errorCode":"LIMIT","message":"the limit is exceeded"},"data":null}`))
		defer stop()
		o := s.sell(t)
		time.Sleep(time.Second)
		synctest.Wait()
		d, err := s.service.Details(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if g.posts.Load() != 1 || d.Order.Status() != order.Failed || d.Payment.Status != payment.Declined {
			t.Errorf("%d requests; the order is %s, its payment %s", g.posts.Load(), d.Order.Status(), d.Payment.Status)
		}
		if c := d.Payment.Contact; c.Sends != 1 || c.SentAt == nil || c.Said != "refused: LIMIT, the limit is exceeded" || c.SaidAt == nil {
			t.Errorf("the operator sees %+v", c)
		}
		s.verify(t)
	})
}

func TestACardIsNotSentAgainAndAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		post  http.HandlerFunc
		sends int64
		said  string
	}{
		"500":              {answers(500, `{"meta":{"result":"FAIL","errorCode":"INTERNAL_SERVER_ERROR","message":"oops"},"data":null}`), 6, "it answered 500: INTERNAL_SERVER_ERROR, oops"},
		"garbage":          {answers(200, "<html>"), 6, "it answered 200 with a body that cannot be read"},
		"FAIL with a key":  {answers(200, `{"meta":{"result":"FAIL","errorCode":"LIMIT"},"data":{"transactionKey":"TR:1","status":"PENDING"}}`), 6, "it answered 200 with neither a success nor a refusal: LIMIT"},
		"too many of them": {answers(429, ""), 10, "it answered 429"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, g, stop := withStub(t, c.post)
				defer stop()
				o := s.sell(t)
				time.Sleep(payment.DefaultPolicy().Expiry - time.Second)
				synctest.Wait()
				d, err := s.service.Details(t.Context(), o.ID)
				if err != nil {
					t.Fatal(err)
				}
				if got := d.Payment.Contact; g.posts.Load() != c.sends || got.Sends != c.sends || got.SentAt == nil || !strings.HasSuffix(got.Said, c.said) {
					t.Errorf("%d requests, want %d; the operator sees %+v", g.posts.Load(), c.sends, got)
				}
				if n := s.service.Exhausted(); n != 1 || d.Payment.Status != payment.Pending || !hasAction(d.History, payment.GatewayUnavailable) {
					t.Errorf("%d payments counted; the payment is %s, its history %+v", n, d.Payment.Status, d.History)
				}
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if o = s.now(t, o); o.Status() != order.Expired || g.posts.Load() != c.sends {
					t.Errorf("the order is %s after %d requests", o.Status(), g.posts.Load())
				}
				s.verify(t)
			})
		})
	}
}

func hasAction(history []payment.Entry, what payment.Action) bool {
	for _, n := range history {
		if n.Action == what {
			return true
		}
	}
	return false
}

// The operator sees the last of several failures, the history only the first.
func TestWhatTheGatewayFailedWithLastIsKept(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(shop *shoptest.Shop) {
		now := time.Now()
		s, t := newCardShop(shop, withClock(func() time.Time { return now })), shop.T
		o := s.buy(t, s.Customer(t, 0), 0, order.Want{ProductID: s.Product(t, 1000, 5), Quantity: 1})
		s.gateway.away = true
		for range 2 {
			now = now.Add(time.Minute)
			if _, err := s.service.Settle(t.Context(), o.ID); !isGateway(err) {
				t.Error(err)
			}
		}
		c := s.now(t, o).Payment.Contact
		if c.Said != errAway.Error() || c.SaidAt == nil || !c.SaidAt.Equal(now.Truncate(time.Microsecond)) || c.Sends != 0 || c.SentAt != nil {
			t.Errorf("the operator sees %+v", c)
		}
	})
}
