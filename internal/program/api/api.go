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
	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/app/coupons"
	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/app/likes"
	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/app/wallet"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// Deps are the dependencies of the program. Their creator closes them.
type Deps struct {
	Infra    wire.Infra
	Accounts *accounts.Service
	Listener net.Listener // of the public port
	Gateway  wire.Gateway
	Secret   pgwire.Secret  // signs the gateway's callbacks; the zero value means that they are not signed
	Policy   payment.Policy // the zero value means payment.DefaultPolicy
	Rules    Rules
}

// Rules configure the public port.
type Rules struct {
	TrustUserHeader       bool
	RequireIdempotencyKey bool
	DailyKeys             int // how many idempotency keys a user can use within 24 hours; 0: any number
	RequestTimeout        time.Duration
	Origins               []string // whose pages may use the API in a browser
	NearBytes             uint64   // bound of the memory of the near cache; 0: there is none
	Admission             httpapi.Admission
}

// grace is how long running requests may take when the program stops.
const grace = 10 * time.Second

// New builds the program.
func New(d Deps) (_ wire.Program, err error) {
	d.Policy = cmp.Or(d.Policy, payment.DefaultPolicy())
	u := d.Infra
	producer, err := kafka.NewProducer(u.Kafka, u.Env.Log)
	if err != nil {
		return wire.Program{}, err
	}
	defer func() {
		if err != nil {
			producer.Close()
		}
	}()
	views, err := kafka.NewViews(u.Kafka, u.Env.IDs, u.Env.Log)
	if err != nil {
		return wire.Program{}, err
	}
	relay, relaying, err := u.Relay(producer)
	if err != nil {
		return wire.Program{}, err
	}
	cards, err := d.cards()
	if err != nil {
		return wire.Program{}, err
	}
	desk, closeDesk := u.Desk()
	launcher := u.Launcher(desk.Jobs())
	web, err := d.web(views, cards, desk, launcher)
	if err != nil {
		return wire.Program{}, err
	}
	return wire.Program{
		Components: slices.Concat(
			web,
			[]run.Component{{Name: "views", Run: views.Run}},
			[]run.Component{{Name: "jobs of dead letters", Run: launcher.Run}},
			cards.Components, relaying,
			[]run.Component{u.Env.Topics(u.Kafka)},
		),
		Checks: []manage.Check{
			u.DatabaseCheck(),
			u.ClockCheck(),
			{Name: "kafka", Probe: producer.Ping, Optional: true}, // events wait in the outbox
			{Name: "relay", Probe: relay.Health, Optional: true},
			wire.RedisCheck(u), // rankings are read from the database
		},
		Close: func() { cards.Close(); closeDesk(); producer.Close() },
	}, nil
}

// web returns the components of the public port.
func (d Deps) web(views *kafka.Views, cards wire.Cards, desk *deadletters.Service, launcher *wire.Launcher) ([]run.Component, error) {
	u := d.Infra
	reader, err := d.rankings()
	if err != nil {
		return nil, err
	}
	products, invalidation, err := d.catalog()
	if err != nil {
		return nil, err
	}
	handler, err := httpapi.New(httpapi.Config{
		Accounts: d.Accounts,
		Catalog:  products,
		Likes:    likes.New(u.DB, u.Env.Clock),
		Wallet:   wallet.New(u.DB, u.Env.IDs, u.Env.Clock),
		Coupons:  coupons.New(u.DB, u.Env.IDs, u.Env.Clock),
		Checkout: cards.Checkout, Settle: cards.Settle, Callbacks: pgclient.NewCallbacks(d.Secret, u.Env.Clock),
		Rankings: reader, Scoring: scoring.New(u.DB, d.board(), u.Env.Clock, u.Env.Log), Views: views, DB: u.DB,
		Audit:       audit.New(u.DB, u.Env.Clock, u.Env.Log),
		DeadLetters: desk, Launcher: launcher,
		Clock: u.Env.Clock, IDs: u.Env.IDs, Log: u.Env.Log, Registerer: u.Env.Registry, Traces: u.Env.Traces, Version: wire.Version(),
		Limits: httpapi.Limits{Time: d.Rules.RequestTimeout}, Admission: d.Rules.Admission,
		TrustUserHeader: d.Rules.TrustUserHeader, RequireIdempotencyKey: d.Rules.RequireIdempotencyKey, DailyKeys: d.Rules.DailyKeys,
		Origins: d.Rules.Origins, NearBytes: d.Rules.NearBytes, Random: u.Env.Random,
	})
	if err != nil {
		return nil, fmt.Errorf("build the API: %w", err)
	}
	server := httpapi.Server(d.Listener.Addr().String(), handler, u.Env.Log)
	return append([]run.Component{{Name: "public port", Run: func(ctx context.Context) error {
		return manage.Serve(ctx, d.Listener, server, grace, u.Env.Log)
	}}, invalidation}, d.freshness(handler)...), nil
}

// rankingConns are the connections, of those of requests, that read rankings. One that is
// computed from the counters takes seconds in a large shop.
const rankingConns = 2

func (d Deps) board() *redis.Board {
	return redis.NewBoard(d.Infra.Redis, d.Infra.RedisPrefix)
}

// rankings returns the reader of the rankings and registers its metrics.
func (d Deps) rankings() (*rankings.Reader, error) {
	u := d.Infra
	reader := rankings.New(rankings.Config{DB: u.DB.Share(rankingConns), Board: d.board(), Clock: u.Env.Clock, IDs: u.Env.IDs, Log: u.Env.Log})
	counts := wire.Counts{}
	for _, source := range rankings.Sources() {
		counts[string(source)] = func() int64 { return reader.Reads(source) }
	}
	return reader, u.Env.ExportCounts("ranking_reads_total",
		"Pages of rankings that this process read: from the board in Redis (board), from a published table (table), "+
			"from the counters because the board is not complete (database), or empty without a read (none).", "source", counts)
}
