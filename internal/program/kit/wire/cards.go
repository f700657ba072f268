package wire

import (
	"context"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Gateway is where cards are charged; without an address nowhere.
type Gateway struct {
	URL       string
	PublicURL string          // where it reaches the API
	Figures   pgclient.Config // how it is spoken to; what is zero is as pgclient has it
	Patience  time.Duration   // that somebody has for it who waits for the shop; zero: as settle has it
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
}

// Cards settles card payments.
type Cards struct {
	Desk       *settle.Service
	Components []run.Component
	Close      func()
}

// Cards returns what settles the payments of this ground's database with a
// gateway; nothing at all if there is none.
func (u Infra) Cards(g Gateway, undo settle.Compensator, policy payment.Policy) (Cards, error) {
	if g.URL == "" {
		return Cards{Close: func() {}}, nil
	}
	client, err := u.Env.GatewayClient(g)
	if err != nil {
		return Cards{}, err
	}
	desk := settle.New(settle.Config{
		DB: u.DB, Gateway: client, Compensator: undo, Policy: policy, CallerTimeout: g.Patience, CallbackURL: g.PublicURL + api.CallbackPath,
		Holder: u.Env.Instance, Clock: u.Env.Clock, Random: u.Env.Random, Log: u.Env.Log,
	})
	if err := countEnded(u.Env.Registry, desk); err != nil {
		return Cards{}, err
	}
	return Cards{
		Desk: desk, Close: client.Close,
		Components: []run.Component{{Name: "card payments", Run: desk.Run}, {Name: "recovery of payments", Run: desk.Recover}},
	}, nil
}

// GatewayClient returns what speaks to a gateway.
func (e Env) GatewayClient(g Gateway) (*pgclient.Client, error) {
	c := g.Figures
	c.URL, c.Dial = g.URL, g.Dial
	c.Clock, c.Random, c.Registerer, c.Log = e.Clock, e.Random, e.Registry, e.Log
	return pgclient.New(c)
}

func countEnded(r prometheus.Registerer, desk *settle.Service) error {
	for how, count := range map[string]func(settle.Ended) int64{
		"approved": func(e settle.Ended) int64 { return e.Approved },
		"declined": func(e settle.Ended) int64 { return e.Declined },
		"expired":  func(e settle.Ended) int64 { return e.Expired },
		"refunded": func(e settle.Ended) int64 { return e.Refunded },
	} {
		err := r.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "commerce_payments_ended_total", Help: "Card payments that this process ended, by how.",
			ConstLabels: prometheus.Labels{"how": how},
		}, func() float64 { return float64(count(desk.Ended())) }))
		if err != nil {
			return err
		}
	}
	return nil
}
