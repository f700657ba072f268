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

// tap overhears the callbacks of the gateway, and passes them on.
type tap struct {
	to *httputil.ReverseProxy

	mu    sync.Mutex
	heard map[string]letter // by order
}

// letter is a callback as it was sent.
type letter struct {
	header http.Header
	body   []byte
}

func (p *tap) open(t *testing.T, door string) string {
	t.Helper()
	u, err := url.Parse(door)
	if err != nil {
		t.Fatal(err)
	}
	p.heard = map[string]letter{}
	p.to = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }, ErrorLog: log.New(io.Discard, "", 0)}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return server.URL
}

// ServeHTTP implements http.Handler.
func (p *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var about pgwire.Transaction
	_ = json.Unmarshal(body, &about) // else it is about nothing
	p.mu.Lock()
	p.heard[about.OrderID] = letter{r.Header.Clone(), body}
	p.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.to.ServeHTTP(w, r)
}

func (p *tap) about(order string) (letter, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.heard[order]
	return l, ok
}

// signed is a letter that somebody wrote at a time.
func signed(with string, at time.Time, body []byte) letter {
	key, _ := pgwire.ParseSecret(with) // it is one
	header := http.Header{"Content-Type": {"application/json"}}
	for name, value := range key.Sign("msg_test", at, body) {
		header.Set(name, value)
	}
	return letter{header, body}
}

func TestForgedReplayedWrongAndUnknownCallbacksChangeNothingAndAreCounted(t *testing.T) {
	t.Parallel()
	luck := lucky(t)
	var overheard tap
	s := open(t, terms{scenario: "healthy", expiry: 15 * time.Minute, signed: true, lies: map[string]any{"settleDelayMax": "200ms"}, public: func(door string) string {
		if overheard.to == nil {
			return overheard.open(t, door)
		}
		return door
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	at := s.furnish(ctx, 2+20)
	orders, c := plan(luck, at), newCustomers(s, luck)
	api := s.apis[1] // the one that was overheard: the first API has it called back at the other

	paid, waiting := orders[0], orders[1]
	c.place(ctx, paid, 0)
	s.settle(ctx)
	true1, ok := overheard.about(paid.id)
	if !ok {
		t.Fatal("no callback was overheard")
	}
	s.gateway.Change(ctx, map[string]any{"settleDelayMin": "1h", "settleDelayMax": "1h"})
	c.place(ctx, waiting, 0)
	pending := s.charge(ctx, waiting.id)
	s.play(ctx, api, true1, pending, paid)
}

// charge waits for the books to know of a charge of an order, and returns it as
// a callback would tell of its success.
func (s *shop) charge(ctx context.Context, order string) (t pgwire.Transaction) {
	s.t.Helper()
	err := cluster.Await(ctx, 30*time.Second, "the gateway has the request", func() error {
		found := s.strings(ctx, `SELECT charge_key FROM charges WHERE order_id = '`+order+`'`)
		if len(found) == 0 {
			return errors.New("not yet")
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

// play sends callbacks to an API: a true one again, and what else somebody may
// think of. Each must be answered and counted as what it is, and change nothing.
func (s *shop) play(ctx context.Context, api *server, heard letter, pending pgwire.Transaction, paid *purchase) {
	s.t.Helper()
	but := func(change func(*pgwire.Transaction)) []byte {
		other := pending
		change(&other)
		body, _ := json.Marshal(other)
		return body
	}
	const theirs, nobody = "whsec_ZmVkY2JhOTg3NjU0MzIxMA==", "01980000-0000-7000-8000-00000000ffff"
	now := time.Now()
	lie := but(func(*pgwire.Transaction) {})
	changed := letter{heard.header, bytes.Replace(heard.body, []byte(`"SUCCESS"`), []byte(`"FAILED"`), 1)}
	var old pgwire.Transaction
	if err := json.Unmarshal(heard.body, &old); err != nil || bytes.Equal(changed.body, heard.body) {
		s.t.Fatalf("%s: %v", heard.body, err)
	}
	for name, is := range map[string]struct {
		letter
		status int
		result string
	}{
		"the true one, replayed":                 {heard, 200, "repeated"},
		"the true one, with another outcome":     {changed, 401, "forged"},
		"the true one, replayed an hour later":   {signed(secret, now.Add(-time.Hour), heard.body), 401, "stale"},
		"a lie about the outcome":                {signed(secret, now, lie), 200, "early"},
		"a lie that somebody else signed":        {signed(theirs, now, lie), 401, "forged"},
		"a lie that nobody signed":               {letter{http.Header{"Content-Type": {"application/json"}}, lie}, 401, "unsigned"},
		"a lie from the future":                  {signed(secret, now.Add(time.Hour), lie), 401, "stale"},
		"another amount":                         {signed(secret, now, but(func(t *pgwire.Transaction) { t.Amount-- })), 409, "wrong_amount"},
		"the amount of another order":            {signed(secret, now, but(func(t *pgwire.Transaction) { t.OrderID = paid.id; t.Amount++ })), 409, "wrong_amount"},
		"an order that nobody knows":             {signed(secret, now, but(func(t *pgwire.Transaction) { t.OrderID = nobody })), 404, "unknown_order"},
		"an order of another shop":               {signed(secret, now, but(func(t *pgwire.Transaction) { t.OrderID = "1351039135" })), 404, "unknown_order"},
		"a transaction that nobody knows":        {signed(secret, now, but(func(t *pgwire.Transaction) { t.TransactionKey += "0" })), 404, "unknown_transaction"},
		"a transaction of another order":         {signed(secret, now, but(func(t *pgwire.Transaction) { t.TransactionKey = old.TransactionKey })), 404, "unknown_transaction"},
		"half a callback":                        {signed(secret, now, lie[:len(lie)/2]), 400, "malformed"},
		"a status that nobody knows":             {signed(secret, now, but(func(t *pgwire.Transaction) { t.Status = "PAID" })), 400, "malformed"},
		"the whole number of a card in it, true": {signed(secret, now, but(func(t *pgwire.Transaction) { t.CardNo = cardno.Number(paid.card.number()) })), 200, "early"},
	} {
		before, count := s.snapshot(ctx), counted(ctx, api)
		count[is.result]++
		status := s.callBack(ctx, api, is.letter)
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

func (s *shop) callBack(ctx context.Context, api *server, l letter) int {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, api.door+"/api/v1/payments/callback", bytes.NewReader(l.body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header = l.header
	got, err := answerTo(http.DefaultClient, r)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.status
}

// counted is what became of callbacks, as an API shows it.
func counted(ctx context.Context, api *server) map[string]int {
	api.TB.Helper()
	of := map[string]int{}
	for _, result := range []string{
		"settled", "early", "repeated", "unsigned", "forged", "stale", "malformed", "unknown_order", "unknown_transaction", "wrong_amount", "gateway_away", "failed",
	} {
		of[result] = int(api.metric(ctx, fmt.Sprintf(`commerce_payment_callbacks_total{result=%q}`, result)))
	}
	return of
}

// snapshot is all that a payment may change.
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
	for _, what := range []string{"orders", "payments", "notes", "charges", "history", "stocks", "wallets", "coupons"} {
		found[what] = s.strings(ctx, of[what])
	}
	return found
}

func TestAGatewayThatLiesInEveryCallbackIsNotBelieved(t *testing.T) {
	t.Parallel()
	luck := lucky(t)
	s := open(t, terms{scenario: "healthy", expiry: 15 * time.Minute, signed: true, lies: map[string]any{
		"callbackWrongAmountRate": 1, "callbackWrongStatusRate": 1, "callbackUnknownKeyRate": 1, "callbackForgeRate": 1,
		"callbackDuplicateRate": 1, "callbackReorderRate": 0.5, "limitRate": 0.5,
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	orders, c := plan(luck, s.furnish(ctx, 40)), newCustomers(s, luck)
	c.shop(ctx, orders, 0)
	s.settle(ctx)
	ends := s.checkBooks(ctx, orders)
	if ends["PAID"] == 0 || ends["FAILED"] == 0 {
		t.Errorf("half of the cards are to be charged: %v", ends)
	}
	for _, lie := range []string{"forged", "wrong_amount", "unknown_transaction"} {
		err := cluster.Await(ctx, 30*time.Second, "every lie is counted as "+lie, func() error {
			if one, two := counted(ctx, s.apis[0])[lie], counted(ctx, s.apis[1])[lie]; one+two != len(orders) {
				return fmt.Errorf("%d of %d are", one+two, len(orders))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	s.verify()
	t.Logf("%v; callbacks: %v and %v", ends, counted(ctx, s.apis[0]), counted(ctx, s.apis[1]))
}
