package api

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// ordersMeter has the metrics of the queue of orders.
type ordersMeter struct{ wait, group prometheus.Histogram }

// Taken implements checkout.Meter.
func (m ordersMeter) Taken(waits []time.Duration) {
	m.group.Observe(float64(len(waits)))
	for _, w := range waits {
		m.wait.Observe(w.Seconds())
	}
}

// cards returns the orders, with their queue and its metrics, and the card payments.
func (d Deps) cards() (wire.Cards, error) {
	crowd, err := d.crowd()
	if err != nil {
		return wire.Cards{}, err
	}
	cards, err := d.Infra.Cards(d.Gateway, d.Policy, checkout.WithCrowd(crowd))
	if err != nil {
		return wire.Cards{}, err
	}
	return cards, d.exportWaiting(cards.Checkout)
}

// crowd returns what becomes of more orders than can be placed, and registers its metrics.
func (d Deps) crowd() (checkout.Crowd, error) {
	env := d.Infra.Env
	m := ordersMeter{
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "commerce_orders_wait_seconds", Help: "How long orders had waited when their transaction began. An order that had to wait for a row counts again.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, 1, 2.5, 10},
		}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "commerce_orders_group_size", Help: "How many orders were placed in one transaction.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 48, 64},
		}),
	}
	for _, c := range []prometheus.Collector{m.wait, m.group} {
		if err := env.Registry.Register(c); err != nil {
			return checkout.Crowd{}, fmt.Errorf("register the metrics of the queue of orders: %w", err)
		}
	}
	return checkout.Crowd{Patience: d.Rules.Admission.Patience, Clock: env.Clock, Meter: m}, nil
}

// exportWaiting registers how many orders wait.
func (d Deps) exportWaiting(orders *checkout.Service) error {
	for _, g := range []struct {
		name, help string
		labels     prometheus.Labels
		read       func(turn, inLanes, lanes int) int
	}{
		{"commerce_orders_waiting", "Orders that wait: for their turn, or in a lane for a row that somebody else holds.", prometheus.Labels{"for": "turn"},
			func(turn, _, _ int) int { return turn }},
		{"commerce_orders_waiting", "Orders that wait: for their turn, or in a lane for a row that somebody else holds.", prometheus.Labels{"for": "row"},
			func(_, inLanes, _ int) int { return inLanes }},
		{"commerce_orders_lanes", "Rows that somebody else was seen to hold, and that orders wait for.", nil,
			func(_, _, lanes int) int { return lanes }},
	} {
		err := d.Infra.Env.Registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help, ConstLabels: g.labels},
			func() float64 { return float64(g.read(orders.Waiting())) }))
		if err != nil {
			return fmt.Errorf("register the metrics of waiting orders: %w", err)
		}
	}
	return nil
}
