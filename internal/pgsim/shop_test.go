package pgsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/cardno"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
)

const card = cardno.Number("1234-5678-9814-1451")

// noFaults returns faults without failures and without delays.
func noFaults() pgsim.Faults {
	f, _ := pgsim.Scenario("healthy")
	f.RequestDelayMin, f.RequestDelayMax, f.SettleDelayMin, f.SettleDelayMax = 0, 0, 0, 0
	return f
}

// faultsWith returns noFaults with a change.
func faultsWith(change func(f *pgsim.Faults)) pgsim.Faults {
	f := noFaults()
	change(&f)
	return f
}

func newRequest(orderID string, amount int64) pgwire.Request {
	return pgwire.Request{
		OrderID: orderID, CardType: pgwire.Samsung, CardNo: card, Amount: amount,
		CallbackURL: "http://shop/api/v1/payments/callback",
	}
}

// callback is a callback that the shop received.
type callback struct {
	at   time.Time
	body pgwire.Transaction
	raw  []byte
	head http.Header
}

// shop is a client of a gateway, which sends its callbacks to it.
type shop struct {
	t       *testing.T
	sim     *pgsim.Simulator
	answers func(nth int) (status int, err error) // response to the nth callback; 200 if nil

	mu       sync.Mutex
	received []callback
}

// newShop returns a shop with a new gateway. Transactions settle only while run runs.
func newShop(t *testing.T, o pgsim.Options) *shop {
	t.Helper()
	s := &shop{t: t}
	o.Clock, o.Log = time.Now, slog.New(slog.DiscardHandler)
	if o.Client == nil {
		o.Client = &http.Client{Transport: s}
	}
	sim, err := pgsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.sim = sim
	return s
}

// run runs the gateway until the returned function is called or the test ends.
func (s *shop) run() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.sim.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("Run = %v", err)
		}
	})
}

// RoundTrip implements http.RoundTripper. It receives the callbacks of the gateway.
func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	h := callback{at: time.Now(), raw: raw, head: r.Header}
	if err := json.Unmarshal(raw, &h.body); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.received = append(s.received, h)
	nth := len(s.received)
	s.mu.Unlock()
	status := http.StatusOK
	if s.answers != nil {
		if status, err = s.answers(nth); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
}

func (s *shop) callbacks() []callback {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]callback(nil), s.received...)
}

// do calls the gateway as a user and returns the response. Status 0 means that the connection was closed.
func (s *shop) do(ctx context.Context, user, method, path string, body any, headers ...string) (status int, answer string) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Error(err)
	}
	if given, ok := body.(string); ok {
		text = []byte(given)
	}
	r := httptest.NewRequestWithContext(ctx, method, path, bytes.NewReader(text))
	if user != "" {
		r.Header.Set(pgwire.UserHeader, user)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	defer func() {
		if cause := recover(); cause != nil {
			if cause != http.ErrAbortHandler { //nolint:errorlint // the handler panics with this value
				panic(cause)
			}
			status, answer = 0, ""
		}
	}()
	s.sim.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (s *shop) pay(orderID string, amount int64, headers ...string) (int, string) {
	s.t.Helper()
	return s.do(s.t.Context(), "ann", http.MethodPost, pgwire.PaymentsPath, newRequest(orderID, amount), headers...)
}

// accepted requests a charge that must be accepted and returns its key.
func (s *shop) accepted(orderID string, amount int64, headers ...string) string {
	s.t.Helper()
	status, text := s.pay(orderID, amount, headers...)
	a := decode[pgwire.Transaction](s.t, text)
	if status != http.StatusOK || a.Data == nil || a.Data.TransactionKey == "" {
		s.t.Fatalf("%d %s", status, text)
	}
	return a.Data.TransactionKey
}

func (s *shop) get(path string) (int, string) {
	s.t.Helper()
	return s.do(s.t.Context(), "ann", http.MethodGet, path, nil)
}

// found queries a transaction.
func (s *shop) found(key string) pgwire.Transaction {
	s.t.Helper()
	status, text := s.get(pgwire.PaymentsPath + "/" + key)
	a := decode[pgwire.Transaction](s.t, text)
	if status != http.StatusOK || a.Data == nil {
		s.t.Fatalf("%d %s", status, text)
	}
	return *a.Data
}

func (s *shop) cancel(key string) (int, string) {
	s.t.Helper()
	return s.do(s.t.Context(), "ann", http.MethodPost, pgwire.PaymentsPath+"/"+key+"/cancel", nil)
}

func decode[T any](t *testing.T, text string) (a pgwire.Answer[T]) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return a
}

func code(t *testing.T, text string) string {
	t.Helper()
	if c := decode[any](t, text).Meta.ErrorCode; c != nil {
		return *c
	}
	return ""
}

// checkTotals checks that the totals are the sum of the transactions.
func (s *shop) checkTotals() {
	s.t.Helper()
	var charged, refunded int64
	by := map[pgwire.Status]int{}
	for _, c := range s.sim.Transactions(pgsim.Filter{}) {
		charged, refunded = charged+c.Charged, refunded+c.Refunded
		by[c.Status]++
		want := map[pgwire.Status][2]int64{pgwire.Success: {c.Amount, 0}, pgwire.Failed: {0, 0}, pgwire.Pending: {0, 0}}
		if w, ok := want[c.Status]; ok && (c.Charged != w[0] || c.Refunded != w[1]) {
			s.t.Errorf("%s is %s, charged %d and refunded %d", c.TransactionKey, c.Status, c.Charged, c.Refunded)
		}
		if c.Status == pgwire.Cancelled && c.Charged != c.Refunded {
			s.t.Errorf("%s is cancelled, charged %d and refunded %d", c.TransactionKey, c.Charged, c.Refunded)
		}
	}
	got := s.sim.Totals()
	if got.Charged != charged || got.Refunded != refunded || got.Net != charged-refunded {
		s.t.Errorf("totals %+v, the transactions sum to %d - %d", got, charged, refunded)
	}
	for _, status := range []pgwire.Status{pgwire.Pending, pgwire.Success, pgwire.Failed, pgwire.Cancelled} {
		if got.ByStatus[status] != by[status] {
			s.t.Errorf("totals %+v, counted %v", got, by)
		}
	}
}

func orderID(n int) string { return fmt.Sprintf("order-%06d", n) }

// checkMasked fails if a text contains more of the card number than its last four digits.
func checkMasked(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"1234", "5678", "9814"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q contains %s", text, secret)
		}
	}
}
