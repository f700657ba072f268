package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/credentials"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/likes"
	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/app/wallet"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// began is the start time of every shop: 00:30 on the 2nd in Seoul, which is still the 1st in UTC.
var began = time.Date(2026, 3, 1, 15, 30, 0, 0, time.UTC)

// shop is the whole API with a database and a clock that does not advance by itself.
type shop struct {
	url      string
	db       store.DB
	accounts *accounts.Service
	rankings *fakeRankings
	views    *fakeViews
	log      *syncBuffer
	metrics  *prometheus.Registry
	handler  http.Handler
	late     atomic.Int64  // seconds since began
	streams  chan struct{} // a value for each stream that has ended
}

// engine opens an empty database.
type engine func(testing.TB, sqlstore.Options) *sqlstore.DB

// eachEngine runs the test over every engine.
func eachEngine(t *testing.T, test func(t *testing.T, on engine)) {
	t.Helper()
	for name, on := range map[string]engine{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, on)
		})
	}
}

// open opens a shop on SQLite. change can change its configuration.
func open(t *testing.T, change ...func(*api.Config)) *shop {
	t.Helper()
	return openOn(t, storetest.SQLite, change...)
}

func openOn(t *testing.T, on engine, change ...func(*api.Config)) *shop {
	t.Helper()
	s := &shop{rankings: newFakeRankings(), views: &fakeViews{}, log: &syncBuffer{}, metrics: prometheus.NewRegistry()}
	now := func() time.Time { return began.Add(time.Duration(s.late.Load()) * time.Second) }
	ids := id.NewSource(now, zeros{})
	s.db = on(t, sqlstore.Options{Clock: now, IDs: id.NewSource(now, zeros{})})
	tokens, err := credentials.NewTokens(bytes.Repeat([]byte("k"), 32))
	if err != nil {
		t.Fatal(err)
	}
	s.accounts = accounts.New(s.db, ids, now, credentials.NewPasswords(2, rand.Reader), tokens, time.Hour)
	c := api.Config{
		Accounts: s.accounts, Catalog: catalog.New(s.db, now), Likes: likes.New(s.db, now), Wallet: wallet.New(s.db, ids, now),
		Checkout: checkout.New(s.db, ids, now, payment.DefaultPolicy()), Coupons: coupons.New(s.db, ids, now), Rankings: s.rankings, Scoring: scoring.New(s.db, boardOf{s.rankings}, now, slog.New(slog.NewTextHandler(s.log, nil))), Views: s.views, DB: s.db,
		Audit: audit.New(s.db, now, slog.New(slog.DiscardHandler)),
		Clock: now, IDs: id.NewSource(now, rand.Reader), Registerer: s.metrics, TrustUserHeader: true,
		Log: slog.New(tracing.LogHandler(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
	}
	for _, f := range change {
		f(&c)
	}
	h, err := api.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.handler = h
	s.streams = make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == streamPath {
			defer func() { s.streams <- struct{}{} }()
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// stocked opens a shop with an admin, a customer kim with 100,000 won, and product 1 of brand 1: price
// 12,000, 10 pieces.
func stocked(t *testing.T, change ...func(*api.Config)) *shop {
	t.Helper()
	return stockedOn(t, storetest.SQLite, change...)
}

func stockedOn(t *testing.T, on engine, change ...func(*api.Config)) *shop {
	t.Helper()
	s := openOn(t, on, change...)
	s.join(t, "admin")
	s.join(t, "kim")
	if err := s.accounts.Grant(t.Context(), "admin", user.Admin); err != nil {
		t.Fatal(err)
	}
	s.as("admin").post("/admin/v1/brands", `{"name":"Loopers","description":"Makers of mugs."}`).must(t, s, 201)
	s.as("admin").post("/admin/v1/products",
		`{"brandId":1,"name":"Mug","description":"It holds coffee & tea.","price":12000,"stock":10}`).must(t, s, 201)
	s.as("kim").post("/api/v1/points/charge", `{"amount":100000}`).must(t, s, 200)
	return s
}

// join creates a user without a password.
func (s *shop) join(t *testing.T, loginID string) {
	t.Helper()
	uid := id.ID{15: byte(len(loginID)), 14: loginID[0], 0: 1}
	u := user.New(user.Application{
		LoginID: loginID, Email: loginID + "@example.com", BirthDate: "1999-12-31", Gender: user.Female,
	}, uid, "", began)
	err := s.db.Update(t.Context(), func(tx store.Tx) error {
		tx.Users.Add(u)
		tx.Points.Open(uid)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// request is a request to be sent.
type request struct {
	method, path, body string
	header             http.Header
}

// as starts a request of a user, by the trusted user header; "" is anonymous.
func (s *shop) as(loginID string) request {
	r := request{header: http.Header{}}
	if loginID != "" {
		r.header.Set("X-USER-ID", loginID)
	}
	return r
}

func (r request) with(name, value string) request {
	r.header = r.header.Clone()
	r.header.Set(name, value)
	return r
}

func (r request) do(method, path, body string) request {
	r.method, r.path, r.body = method, path, body
	return r
}

func (r request) get(path string) request        { return r.do(http.MethodGet, path, "") }
func (r request) post(path, body string) request { return r.do(http.MethodPost, path, body) }

// response is the response to a request.
type response struct {
	status int
	header http.Header
	body   string
}

func (r request) send(ctx context.Context, s *shop) (response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, s.url+r.path, strings.NewReader(r.body))
	if err != nil {
		return response{}, err
	}
	req.Header = r.header.Clone()
	if r.body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(text)}, err
}

// must sends the request. It fails the test if the status differs, or if an error response is not a
// problem.
func (r request) must(t *testing.T, s *shop, status int) response {
	t.Helper()
	a, err := r.send(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != status {
		t.Fatalf("%s %s: %d, want %d\n%s", r.method, r.path, a.status, status, a.body)
	}
	if a.status >= 400 {
		a.problem(t)
	}
	return a
}

// problem decodes the response as a problem and checks it.
func (a response) problem(t *testing.T) (p problem) {
	t.Helper()
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type of a problem = %q", ct)
	}
	a.into(t, &p)
	if p.Status != a.status || p.Code == "" || p.Title == "" || p.Detail == "" || p.Type == "" {
		t.Errorf("incomplete problem for status %d: %s", a.status, a.body)
	}
	if p.TraceID == "" || p.TraceID != a.header.Get("X-Trace-Id") && a.header.Get("Idempotent-Replayed") == "" {
		t.Errorf("traceId %q, header %q", p.TraceID, a.header.Get("X-Trace-Id"))
	}
	return p
}

func (a response) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

type problem struct {
	Type, Title, Detail, Code, TraceID string
	Status                             int
	Errors                             []wrongPart
}

// wrongPart is a part of a request: either of the two names is null.
type wrongPart struct {
	Pointer, Parameter *string
	Detail             string
}

// pointers returns the names of what is wrong: JSON pointers, which begin with a slash or are empty, and parameters.
func (p problem) pointers() []string {
	var all []string
	for _, e := range p.Errors {
		switch {
		case e.Pointer != nil && e.Parameter == nil && (*e.Pointer == "" || (*e.Pointer)[0] == '/'):
			all = append(all, *e.Pointer)
		case e.Pointer == nil && e.Parameter != nil && *e.Parameter != "" && (*e.Parameter)[0] != '/':
			all = append(all, *e.Parameter)
		default:
			all = append(all, "neither a pointer nor a parameter")
		}
	}
	return all
}

// outbox returns all events in the outbox.
func (s *shop) outbox(t *testing.T) (waiting []store.OutboxRecord) {
	t.Helper()
	ctx, lanes := t.Context(), make([]int, store.Lanes)
	for i := range lanes {
		lanes[i] = i
	}
	err := s.db.View(ctx, func(tx store.Tx) (err error) {
		waiting, err = tx.Outbox.Next(ctx, lanes, 1000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return waiting
}
