package traces_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	simulator "github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// The trace of the customer, whose span is outside of the shop.
const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	customer    = "b7ad6b7169203331"
	traceparent = "00-" + traceID + "-" + customer + "-01"
)

// shop is a running shop with a gateway, in this process.
type shop struct {
	client  apiclient.Client
	brokers []string
	gateway *simulator.Simulator
	traceID string // that the answer to the order names
}

// open starts the programs. traces is nil if none are to be recorded.
func open(t *testing.T, traces trace.TracerProvider) *shop {
	t.Helper()
	env := wire.NewEnv(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	env.Traces = traces
	s := &shop{brokers: kafkatest.Broker(t)}
	db := storetest.SQLite(t, sqlstore.Options{Clock: env.Clock, IDs: env.IDs, Random: env.Random, Log: env.Log})
	content := seed.Shop{
		Brands:    []seed.Brand{{Name: "Acme", Products: []seed.Product{{SKU: "cup", Name: "Cup", Price: 1000, Stock: 10}}}},
		Customers: []seed.Customer{{LoginID: "mina", Email: "mina@customers.example", BirthDate: "1990-01-01", Gender: user.Female}},
	}
	if _, err := seed.New(db, env.IDs, env.Clock).Seed(t.Context(), content, func(int) {}); err != nil {
		t.Fatal(err)
	}
	s.run(t, wire.Infra{
		Env: env, DB: db, Kafka: env.Kafka(s.brokers, "", "traces"), Redis: redistest.Embedded(t, env.Clock).Caller,
	})
	return s
}

func (s *shop) run(t *testing.T, on wire.Infra) {
	t.Helper()
	public, publicURL := servicetest.Listen(t)
	gatewayPort, gatewayURL := servicetest.Listen(t)
	accounts, err := on.Env.Accounts(on.DB, bytes.Repeat([]byte("k"), 32), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	web, err := api.New(api.Deps{
		Infra: on, Accounts: accounts, Listener: public, Gateway: wire.Gateway{URL: gatewayURL, PublicURL: publicURL},
		Rules: api.Rules{TrustUserHeader: true, NearBytes: 8 << 20, RequestTimeout: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := streamer.New(on)
	if err != nil {
		t.Fatal(err)
	}
	faults, _ := simulator.Scenario("healthy")
	if s.gateway, err = simulator.New(simulator.Options{Faults: faults, Clock: on.Env.Clock, Log: on.Env.Log}); err != nil {
		t.Fatal(err)
	}
	s.client = apiclient.Client{URL: publicURL, HTTP: &http.Client{Transport: s}}
	servicetest.Run(t, on.Env.Log, web, stream, wire.Program{Components: pgsim.Components(s.gateway, gatewayPort), Close: func() {}})
}

// RoundTrip implements http.RoundTripper: it is the customer's client, which puts the order
// into its trace.
func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && r.URL.Path == apiclient.OrdersPath {
		r.Header.Set("Traceparent", traceparent)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && r.Header.Get("Traceparent") != "" {
		s.traceID = answer.Header.Get("X-Trace-Id")
	}
	return answer, err
}

// buy places an order by card, and waits until the gateway's callback has paid it and the
// ranking shows it.
func (s *shop) buy(t *testing.T) {
	t.Helper()
	var o apiclient.Order
	order := apiclient.Buy(1, 2)
	order.Card = &apiclient.Card{Type: "SAMSUNG", Number: "1234-5678-9814-1451"}
	s.client.Must(t, http.StatusCreated, order.Request("mina", ""), &o)
	cluster.Eventually(t, 30*time.Second, "the order is paid", func() error {
		var now apiclient.Order
		s.client.Must(t, http.StatusOK, apiclient.ViewOrder("mina", o.ID), &now)
		if now.Status != "PAID" {
			return fmt.Errorf("it is %s", now.Status)
		}
		return nil
	})
	cluster.Eventually(t, 30*time.Second, "the ranking shows the product", func() error { return s.ranked(t.Context()) })
}

func (s *shop) ranked(ctx context.Context) error {
	answer, err := s.client.Do(ctx, apiclient.DailyRanking(""))
	if err != nil {
		return err
	}
	var ranking apiclient.Ranking
	if err := answer.Decode(&ranking); err != nil || len(ranking.Items) != 1 {
		return fmt.Errorf("%v (%w)", answer, err)
	}
	return nil
}
