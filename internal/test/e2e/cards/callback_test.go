package cards_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// recorder is a proxy to an API that keeps the callbacks of the gateway.
type recorder struct {
	to *httputil.ReverseProxy

	mu   sync.Mutex
	kept map[string]callback // by order
}

// callback is a callback as it is sent.
type callback struct {
	header http.Header
	body   []byte
}

// start starts the proxy and returns its URL.
func (r *recorder) start(t *testing.T, api string) string {
	t.Helper()
	u, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	r.kept = map[string]callback{}
	r.to = &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u) }, ErrorLog: log.New(io.Discard, "", 0)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	return server.URL
}

// ServeHTTP implements http.Handler.
func (r *recorder) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return
	}
	var about pgwire.Transaction
	_ = json.Unmarshal(body, &about) // else it is about no order
	r.mu.Lock()
	r.kept[about.OrderID] = callback{in.Header.Clone(), body}
	r.mu.Unlock()
	in.Body = io.NopCloser(bytes.NewReader(body))
	r.to.ServeHTTP(w, in)
}

func (r *recorder) about(order string) (callback, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.kept[order]
	return c, ok
}

// signed returns a callback that is signed with a secret, at a time.
func signed(with string, at time.Time, body []byte) callback {
	key, _ := pgwire.ParseSecret(with) // it is valid
	header := http.Header{"Content-Type": {"application/json"}}
	for name, value := range key.Sign("msg_test", at, body) {
		header.Set(name, value)
	}
	return callback{header, body}
}

func TestForgedReplayedWrongAndUnknownCallbacksChangeNothingAndAreCounted(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	var recorded recorder
	s := open(t, options{
		scenario: "healthy", expiry: 15 * time.Minute, signed: true, faults: map[string]any{"settleDelayMax": "200ms"},
		callbackURL: func(api string) string {
			if recorded.to == nil {
				return recorded.start(t, api)
			}
			return api
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	orders, c := plan(seed, s.setUp(ctx, 2+20)), newCustomers(s, seed)
	api := s.apis[1] // the recorded one: what the first API takes is called back at the other

	paid, waiting := orders[0], orders[1]
	c.place(ctx, paid, 0)
	s.settle(ctx)
	genuine, ok := recorded.about(paid.id)
	if !ok {
		t.Fatal("no callback was recorded")
	}
	s.gateway.SetFaults(ctx, map[string]any{"settleDelayMin": "1h", "settleDelayMax": "1h"})
	c.place(ctx, waiting, 0)
	s.sendCallbacks(ctx, api, genuine, s.pendingCharge(ctx, waiting.id), paid)
}

// pendingCharge waits until the database has a charge of an order, and returns it as
// a callback would report its success.
func (s *shop) pendingCharge(ctx context.Context, order string) (t pgwire.Transaction) {
	s.t.Helper()
	err := cluster.Await(ctx, 30*time.Second, "the gateway has the request", func() error {
		found := s.db.Column(ctx, `SELECT charge_key FROM charges WHERE order_id = $1`, order)
		if len(found) == 0 {
			return errors.New("there is no charge")
		}
		t.TransactionKey = found[0]
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	t.OrderID, t.CardType, t.Amount, t.Status = order, pgwire.Samsung, s.rows(ctx)[order].Card, pgwire.Success
	return t
}

// sendCallbacks sends callbacks to an API: a genuine one again, and false ones. Each must
// be answered and counted as what it is, and change nothing.
func (s *shop) sendCallbacks(ctx context.Context, api *cluster.Service, genuine callback, pending pgwire.Transaction, paid *purchase) {
	s.t.Helper()
	with := func(change func(*pgwire.Transaction)) []byte {
		other := pending
		change(&other)
		body, _ := json.Marshal(other)
		return body
	}
	const otherSecret, noOrder = "whsec_ZmVkY2JhOTg3NjU0MzIxMA==", "01980000-0000-7000-8000-00000000ffff"
	now := time.Now()
	success := with(func(*pgwire.Transaction) {})
	changed := callback{genuine.header, bytes.Replace(genuine.body, []byte(`"SUCCESS"`), []byte(`"FAILED"`), 1)}
	var old pgwire.Transaction
	if err := json.Unmarshal(genuine.body, &old); err != nil || bytes.Equal(changed.body, genuine.body) {
		s.t.Fatalf("%s: %v", genuine.body, err)
	}
	for name, is := range map[string]struct {
		callback

		status int
		result string
	}{
		"the genuine one, replayed":               {genuine, 200, "repeated"},
		"the genuine one, with another outcome":   {changed, 401, "forged"},
		"the genuine one, replayed an hour later": {signed(secret, now.Add(-time.Hour), genuine.body), 401, "stale"},
		"a false outcome":                         {signed(secret, now, success), 200, "early"},
		"signed with another secret":              {signed(otherSecret, now, success), 401, "forged"},
		"not signed":                              {callback{http.Header{"Content-Type": {"application/json"}}, success}, 401, "unsigned"},
		"signed in the future":                    {signed(secret, now.Add(time.Hour), success), 401, "stale"},
		"another amount":                          {signed(secret, now, with(func(t *pgwire.Transaction) { t.Amount-- })), 409, "wrong_amount"},
		"the amount of another order":             {signed(secret, now, with(func(t *pgwire.Transaction) { t.OrderID = paid.id; t.Amount++ })), 409, "wrong_amount"},
		"an unknown order":                        {signed(secret, now, with(func(t *pgwire.Transaction) { t.OrderID = noOrder })), 404, "unknown_order"},
		"an order of another shop":                {signed(secret, now, with(func(t *pgwire.Transaction) { t.OrderID = "1351039135" })), 404, "unknown_order"},
		"an unknown transaction":                  {signed(secret, now, with(func(t *pgwire.Transaction) { t.TransactionKey += "0" })), 404, "unknown_transaction"},
		"a transaction of another order":          {signed(secret, now, with(func(t *pgwire.Transaction) { t.TransactionKey = old.TransactionKey })), 404, "unknown_transaction"},
		"half of a callback":                      {signed(secret, now, success[:len(success)/2]), 400, "malformed"},
		"an unknown status":                       {signed(secret, now, with(func(t *pgwire.Transaction) { t.Status = "PAID" })), 400, "malformed"},
		"a genuine one with a full card number":   {signed(secret, now, with(func(t *pgwire.Transaction) { t.CardNo = cardno.Number(paid.card.number()) })), 200, "early"},
	} {
		before, count := s.snapshot(ctx), counted(ctx, api)
		count[is.result]++
		status := s.callBack(ctx, api, is.callback)
		if status != is.status {
			s.t.Errorf("%s: answered %d, want %d", name, status, is.status)
		}
		if diff := cmp.Diff(count, counted(ctx, api)); diff != "" {
			s.t.Errorf("%s: counted (-want +got)\n%s", name, diff)
		}
		if diff := cmp.Diff(before, s.snapshot(ctx)); diff != "" {
			s.t.Errorf("%s: it changed something: %s", name, diff)
		}
	}
}

func (s *shop) callBack(ctx context.Context, api *cluster.Service, c callback) int {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, api.URL+"/api/v1/payments/callback", bytes.NewReader(c.body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header = c.header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// counted returns how many callbacks an API has counted, by result.
func counted(ctx context.Context, api *cluster.Service) map[string]int {
	api.TB.Helper()
	of := map[string]int{}
	for _, result := range []string{
		"settled", "early", "repeated", "unsigned", "forged", "stale", "malformed", "unknown_order", "unknown_transaction", "wrong_amount", "gateway_away", "failed",
	} {
		of[result] = int(api.Metric(ctx, fmt.Sprintf(`commerce_payment_callbacks_total{result=%q}`, result)))
	}
	return of
}

// snapshot returns all rows that a payment may change.
func (s *shop) snapshot(ctx context.Context) map[string][]string {
	s.t.Helper()
	of := map[string]string{
		"orders":   `SELECT concat_ws(' ', id, status, version) FROM orders ORDER BY id`,
		"payments": `SELECT concat_ws(' ', id, status, amount, charge_key, reason, ended_us) FROM payments ORDER BY id`,
		"notes":    `SELECT concat_ws(' ', id, what, detail) FROM payment_history ORDER BY id`,
		"charges":  `SELECT concat_ws(' ', order_id, charge_key, amount, status, refund) FROM charges ORDER BY order_id, charge_key`,
		"history":  `SELECT concat_ws(' ', order_id, version, status) FROM order_history ORDER BY order_id, version`,
		"stocks":   `SELECT concat_ws(' ', product_id, quantity) FROM stocks ORDER BY product_id`,
		"wallets":  `SELECT concat_ws(' ', user_id, balance) FROM wallets ORDER BY user_id`,
		"coupons":  `SELECT concat_ws(' ', id, used_us, order_id) FROM owned_coupons ORDER BY id`,
	}
	found := map[string][]string{}
	for what, query := range of {
		found[what] = s.db.Column(ctx, query)
	}
	return found
}

func TestFalseCallbacksAreNeverBelieved(t *testing.T) {
	t.Parallel()
	seed := newSeed(t)
	s := open(t, options{scenario: "healthy", expiry: 15 * time.Minute, signed: true, faults: map[string]any{
		"callbackWrongAmountRate": 1, "callbackWrongStatusRate": 1, "callbackUnknownKeyRate": 1, "callbackForgeRate": 1,
		"callbackDuplicateRate": 1, "callbackReorderRate": 0.5, "limitRate": 0.5,
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	orders, c := plan(seed, s.setUp(ctx, 40)), newCustomers(s, seed)
	c.shop(ctx, orders, 0)
	s.settle(ctx)
	statuses := s.checkDatabase(ctx, orders)
	if statuses["PAID"] == 0 || statuses["FAILED"] == 0 {
		t.Errorf("half of the cards must be charged: %v", statuses)
	}
	for _, result := range []string{"forged", "wrong_amount", "unknown_transaction"} {
		err := cluster.Await(ctx, 30*time.Second, "every false callback is counted as "+result, func() error {
			if one, two := counted(ctx, s.apis[0])[result], counted(ctx, s.apis[1])[result]; one+two != len(orders) {
				return fmt.Errorf("%d of %d are", one+two, len(orders))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	s.verify()
	t.Logf("%v; callbacks: %v and %v", statuses, counted(ctx, s.apis[0]), counted(ctx, s.apis[1]))
}
