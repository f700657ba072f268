package wire

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/pgclient"
	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/settle"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Gateway configures the card payment gateway. Without a URL there is none.
type Gateway struct {
	URL           string
	PublicURL     string          // where the gateway reaches the API
	ClientConfig  pgclient.Config // how it is called; a zero field has pgclient's default
	CallerTimeout time.Duration   // settle.Config.CallerTimeout; zero: its default
	Dial          func(ctx context.Context, network, address string) (net.Conn, error)
}

// Cards places card orders and settles their payments.
type Cards struct {
	Checkout   *checkout.Service
	Settle     *settle.Service // nil without a gateway
	Components []run.Component
	Close      func()
}

// paymentConns are the connections, of those of requests, that settle payments: callbacks,
// charges and the recovery.
const paymentConns = 4

// Cards returns the checkout of this database, and what settles its card payments.
// Without a gateway the checkout takes no cards, and can still cancel card orders.
//
// Settle gives back the stock, points and coupon of dead orders through the
// compensator of checkout, and checkout charges and cancels payments through settle.
// The options are those of checkout.
func (u Infra) Cards(g Gateway, policy payment.Policy, options ...checkout.Option) (Cards, error) {
	e := u.Env
	config := settle.Config{
		DB: u.DB.Share(paymentConns), LeaseDB: u.Background(), Compensator: checkout.NewCompensator(e.IDs), Policy: policy, CallerTimeout: g.CallerTimeout,
		CallbackURL: g.PublicURL + api.CallbackPath, Holder: e.Instance, Clock: e.Clock, Random: e.Random, Log: e.Log,
	}
	if g.URL == "" {
		payments := settle.New(config)
		return Cards{
			Checkout: checkout.New(u.DB, e.IDs, e.Clock, policy, append(options, checkout.WithPayments(payments))...), Close: func() {},
		}, nil
	}
	client, err := e.GatewayClient(g)
	if err != nil {
		return Cards{}, err
	}
	config.Gateway = client
	payments := settle.New(config)
	if err := e.exportEnded(payments); err != nil {
		return Cards{}, err
	}
	return Cards{
		Checkout: checkout.New(u.DB, e.IDs, e.Clock, policy, append(options, checkout.WithPayments(payments), checkout.WithCharger(payments))...),
		Settle:   payments, Close: client.Close,
		Components: []run.Component{{Name: "card payments", Run: payments.Run}, {Name: "recovery of payments", Run: payments.Recover}},
	}, nil
}

// GatewayClient returns the client of a gateway.
func (e Env) GatewayClient(g Gateway) (*pgclient.Client, error) {
	c := g.ClientConfig
	c.URL, c.Dial = g.URL, g.Dial
	c.Clock, c.Random, c.Registerer, c.Log = e.Clock, e.Random, e.Registry, e.Log
	return pgclient.New(c)
}

func (e Env) exportEnded(payments *settle.Service) error {
	ended := func(outcome func(settle.Ended) int64) func() int64 {
		return func() int64 { return outcome(payments.Ended()) }
	}
	exhausted := e.ExportCount("payments_cards_exhausted_total",
		"Card payments whose card was sent as often as it may be, without a definite answer of the gateway.", payments.Exhausted)
	return errors.Join(exhausted, e.ExportCounts("payments_ended_total",
		"Card payments that this process ended by an outcome of the gateway, by time, or by a refund.", "how", Counts{
			"approved": ended(func(e settle.Ended) int64 { return e.Approved }),
			"declined": ended(func(e settle.Ended) int64 { return e.Declined }),
			"expired":  ended(func(e settle.Ended) int64 { return e.Expired }),
			"refunded": ended(func(e settle.Ended) int64 { return e.Refunded }),

			"refunded_at_gateway": ended(func(e settle.Ended) int64 { return e.RefundedAtGateway }),
		}))
}
