// Package api is the shop over HTTP: one file for each resource, and one place
// each for problems, identity and idempotency. The routes are described once,
// in Go; what they take and answer is checked and documented from that.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/likes"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/app/wallet"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Rankings are read from here.
type Rankings interface {
	// Read returns a page of a day's live ranking; pages count from 1.
	Read(ctx context.Context, day clock.Day, number, size int64) (leaderboard.Page, error)
	// Rank is a product's place on a day; nil if it has none, or if nobody can
	// tell just now.
	Rank(ctx context.Context, day clock.Day, productID int64) *int64
}

// Views are told of products that somebody looked at. Viewed never blocks.
type Views interface {
	Viewed(productID int64, user *id.ID)
}

// Config is what the API is made of.
type Config struct {
	Accounts *accounts.Service
	Catalog  *catalog.Service
	Likes    *likes.Service
	Wallet   *wallet.Service
	Checkout *checkout.Service
	Settle   *settle.Service // nil: the shop takes no cards
	Coupons  *coupons.Service
	Rankings Rankings
	Views    Views
	DB       store.DB // keeps the answers to requests with an Idempotency-Key

	Clock      clock.Clock
	IDs        id.Source // of traces
	Log        *slog.Logger
	Registerer prometheus.Registerer

	Version               string // of the program, for the documentation
	Limits                Limits
	TrustUserHeader       bool // believe X-USER-ID: a gateway authenticates
	RequireIdempotencyKey bool // of POST /orders

	Callbacks CallbackDecoder // of the gateway; nil: the shop takes no cards
}

// Limits of one request. What is zero gets its default.
type Limits struct {
	Body time.Duration // for reading the body; 5 s
	Time time.Duration // for answering; 10 s
	Size int64         // of the body, in bytes; 1 MiB
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
	return l
}

// service is the API and what it is made of.
type service struct {
	Config

	huma huma.API
}

// New returns the API. It ends in an error only where metrics of the same name
// are registered already.
func New(c Config) (http.Handler, error) {
	c.Limits = c.Limits.withDefaults()
	s := &service{Config: c}
	mux := http.NewServeMux()
	s.huma = huma.NewAPI(s.document(), &adapter{mux, s})
	s.users()
	s.brands()
	s.products()
	s.likes()
	s.points()
	s.coupons()
	s.orders()
	if err := s.callbacks(); err != nil {
		return nil, err
	}
	s.rankings()
	s.admin()
	s.payments()
	if err := s.docs(mux); err != nil {
		return nil, err
	}
	return newFront(s, mux)
}

// Server returns an HTTP server for a handler, with bounds on how long and how
// large a request's head may be.
func Server(address string, h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr: address, Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}
