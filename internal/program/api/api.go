// Package api is the program commerce-api: the shop over HTTP, and the relay
// of its events.
package api

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	httpapi "github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/accounts"
	"github.com/loopers-commerce/commerce/internal/app/catalog"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/likes"
	"github.com/loopers-commerce/commerce/internal/app/wallet"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// Deps is what the program is made of. Whoever made it closes it.
type Deps struct {
	wire.Infra

	Accounts *accounts.Service
	Listener net.Listener
	Gateway  wire.Gateway
	Secret   pgwire.Secret  // that the gateway signs with; none: it does not
	Policy   payment.Policy // zero: the contract's
	Rules    Rules
}

// Rules are what the public port insists on.
type Rules struct {
	TrustUserHeader       bool
	RequireIdempotencyKey bool
	RequestTimeout        time.Duration
}

// grace is how long requests in flight are given when the program stops.
const grace = 10 * time.Second

// New puts the program together.
func New(u Deps) (wire.Service, error) {
	u.Policy = cmp.Or(u.Policy, payment.DefaultPolicy())
	producer, err := kafka.NewProducer(u.Kafka, u.Log)
	if err != nil {
		return wire.Service{}, err
	}
	views, err := kafka.NewViews(u.Kafka, u.IDs, u.Log)
	if err != nil {
		producer.Close()
		return wire.Service{}, err
	}
	cards, err := u.Cards(u.Gateway, u.Policy)
	if err != nil {
		producer.Close()
		return wire.Service{}, err
	}
	web, err := u.web(views, cards)
	if err != nil {
		producer.Close()
		return wire.Service{}, err
	}
	return wire.Service{
		Parts: slices.Concat([]run.Part{
			web,
			{Name: "views", Run: views.Run},
		}, cards.Parts, []run.Part{
			{Name: "relay", Run: u.Relay(producer).Run},
			{Name: "notices of the outbox", Run: u.HearNotices},
			{Name: "housekeeping", Run: housekeeping.New(u.DB, u.Clock, u.Log).Run},
			u.Topics(u.Kafka),
		}),
		Checks: []manage.Check{
			wire.Database(u.DB),
			{Name: "kafka", Ask: producer.Ping, Optional: true}, // events wait in the outbox
			wire.Redis(u.Redis), // rankings are read from the database
		},
		Close: func() { cards.Close(); producer.Close() },
	}, nil
}

// web is the public port.
func (u Deps) web(views *kafka.Views, cards wire.Cards) (run.Part, error) {
	handler, err := httpapi.New(httpapi.Config{
		Accounts: u.Accounts,
		Catalog:  catalog.New(u.DB, u.Clock),
		Likes:    likes.New(u.DB, u.Clock),
		Wallet:   wallet.New(u.DB, u.IDs, u.Clock),
		Coupons:  coupons.New(u.DB, u.IDs, u.Clock),
		Checkout: cards.Checkout, Settle: cards.Settle, Callbacks: pgclient.NewCallbacks(u.Secret, u.Clock),
		Rankings: u.rankings(), Views: views, DB: u.DB,
		Clock: u.Clock, IDs: u.IDs, Log: u.Log, Registerer: u.Registry, Version: wire.Version(),
		Limits:          httpapi.Limits{Time: u.Rules.RequestTimeout},
		TrustUserHeader: u.Rules.TrustUserHeader, RequireIdempotencyKey: u.Rules.RequireIdempotencyKey,
	})
	if err != nil {
		return run.Part{}, fmt.Errorf("put the API together: %w", err)
	}
	server := httpapi.Server(u.Listener.Addr().String(), handler, u.Log)
	return run.Part{Name: "public port", Run: func(ctx context.Context) error {
		return manage.Serve(ctx, u.Listener, server, grace, u.Log)
	}}, nil
}

func (u Deps) rankings() *leaderboard.Reader {
	board := redis.NewBoard(u.Redis, u.RedisPrefix, u.Clock, u.Log)
	return leaderboard.NewReader(u.DB, board, ranking.DefaultWeights(), u.Clock, u.Log)
}
