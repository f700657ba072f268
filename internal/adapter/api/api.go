// Package api serves the shop over HTTP. There is one file per resource, and one place each for
// problems, authentication and idempotency. Routes are declared once, in Go; validation and the OpenAPI
// document are derived from these declarations.
package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/adapter/api/compress"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/app/likes"
	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/app/wallet"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/coded"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Views records views of products. Viewed never blocks.
type Views interface {
	Viewed(productID int64, user *id.ID)
}

// Config holds the dependencies and settings of the API.
type Config struct {
	Accounts *accounts.Service
	Catalog  *catalog.Service
	Likes    *likes.Service
	Wallet   *wallet.Service
	Checkout *checkout.Service
	Settle   *settle.Service // nil: no card payments
	Coupons  *coupons.Service
	Rankings Rankings
	Scoring  *scoring.Service
	Audit    *audit.Service
	Views    Views

	DeadLetters *deadletters.Service
	Launcher    Launcher // of the jobs of DeadLetters
	DB          store.DB // stores the responses to requests with an Idempotency-Key

	Clock      clock.Clock
	IDs        id.Source // of trace and span ids
	Log        *slog.Logger
	Registerer prometheus.Registerer
	Traces     trace.TracerProvider // nil: no spans are recorded

	Version               string // of the program, for the OpenAPI document
	Limits                Limits
	Admission             Admission
	TrustUserHeader       bool // believe X-USER-ID: a gateway authenticates
	RequireIdempotencyKey bool // of POST /orders
	DailyKeys             int  // how many idempotency keys a user can use within 24 hours; 0: any number

	Origins   []string        // whose pages may use the API in a browser: https://shop.example
	Callbacks CallbackDecoder // of the gateway; nil: the shop takes no cards

	NearBytes uint64         // bound of the memory of the near cache; 0: there is none
	Random    backoff.Random // of the near cache, and of Retry-After
}

// Limits are the limits of one request. A zero value selects the default.
type Limits struct {
	Body time.Duration // for reading the body; default 5 s
	Time time.Duration // for the whole request; default 10 s
	Size int64         // of the body in bytes; default 1 MiB
	// Listeners is how many clients may listen to the ranking stream at once; default 1,000.
	Listeners int
}

func (l Limits) withDefaults() Limits {
	if l.Body == 0 {
		l.Body = 5 * time.Second
	}
	if l.Time == 0 {
		l.Time = 10 * time.Second
	}
	if l.Size == 0 {
		l.Size = 1 << 20
	}
	if l.Listeners == 0 {
		l.Listeners = 1000
	}
	return l
}

// service implements the routes.
type service struct {
	config Config

	huma   huma.API
	doors  doors
	quota  *quota
	feed   *feed // of the live ranking
	packer coded.Packer
}

// Handler serves the API. It must be told of changes of products: see near.go.
type Handler struct {
	middleware *middleware
	near       *nearCache   // nil: there is none
	cross      *crossOrigin // nil: pages of other origins may not use the API
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.cross != nil && h.cross.answer(w, r) {
		return
	}
	if h.near == nil || !h.near.serve(w, r) {
		h.middleware.ServeHTTP(w, r)
	}
}

// Drain ends the streams. It is called when the server begins to shut down: the server would wait for them.
func (h *Handler) Drain() { h.middleware.service.feed.close() }

// New returns the API. It returns an error if a metric cannot be registered.
func New(c Config) (*Handler, error) {
	c.Limits = c.Limits.withDefaults()
	s := &service{config: c, feed: newFeed(c.Limits.Listeners, c.Log), packer: compress.New()}
	mux := http.NewServeMux()
	s.huma = huma.NewAPI(s.openAPIConfig(), &adapter{mux, s})
	if err := s.openDoors(); err != nil {
		return nil, err
	}
	var err error
	if s.quota, err = newQuota(c.DailyKeys, c.DB, c.Clock, c.Registerer); err != nil {
		return nil, err
	}
	s.documentBusy()
	s.registerUsers()
	s.registerBrands()
	s.registerProducts()
	s.registerLikes()
	s.registerPoints()
	s.registerCoupons()
	s.registerOrders()
	if err := s.registerCallbacks(); err != nil {
		return nil, err
	}
	s.registerRankings()
	if err := s.exportFeed(); err != nil {
		return nil, fmt.Errorf("register the metrics of the API: %w", err)
	}
	s.registerExplain()
	s.registerWeights()
	s.registerAdmin()
	s.registerPayments()
	s.registerAdminOrders()
	s.registerDeadLetters()
	s.registerEvents()
	for _, path := range nearPaths {
		s.documentShared(path)
	}
	if err := s.registerDocs(mux); err != nil {
		return nil, err
	}
	m, err := newMiddleware(s, mux)
	if err != nil {
		return nil, err
	}
	return newHandler(m)
}

func newHandler(m *middleware) (h *Handler, err error) {
	h = &Handler{middleware: m, cross: newCrossOrigin(m.service.config.Origins, m)}
	if m.service.config.NearBytes > 0 {
		h.near, err = newNearCache(m)
	}
	return h, err
}

// mostStreams is how many requests may be under way on one connection of HTTP/2. A proxy opens another one
// beyond that.
const mostStreams = 250

// Server returns an HTTP server for a handler, with limits on the time and size of request headers, and on
// the time of an answer: a client that does not read it is cut off. It speaks
// HTTP/1.1, and HTTP/2 without TLS to a proxy that begins with it (prior knowledge). If the handler has a
// method Drain, as that of New, it is called when the server begins to shut down.
func Server(address string, h http.Handler, log *slog.Logger) *http.Server {
	server := &http.Server{
		Addr: address, Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, Protocols: &http.Protocols{},
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: mostStreams, SendPingTimeout: time.Minute},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	if d, ok := h.(interface{ Drain() }); ok {
		server.RegisterOnShutdown(d.Drain)
	}
	return server
}
