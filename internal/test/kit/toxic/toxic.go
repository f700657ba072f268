// Package toxic puts proxies in front of servers, for tests: they delay, cut, refuse and
// swallow what clients and servers send. They are those of Toxiproxy.
package toxic

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Direction is a way through a proxy.
type Direction string

// The directions.
const (
	ToServer Direction = "upstream"
	ToClient Direction = "downstream"
)

// Proxy passes connections on to a server.
type Proxy struct {
	tb    testing.TB
	inner *toxiproxy.Proxy
}

// New returns a proxy that listens on an address until the test ends.
func New(tb testing.TB, name, address, server string) *Proxy {
	tb.Helper()
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := &Proxy{tb, toxiproxy.NewProxy(api, name, address, server)}
	p.accept()
	tb.Cleanup(p.inner.Stop)
	return p
}

func (p *Proxy) accept() {
	p.tb.Helper()
	if err := p.inner.Start(); err != nil {
		p.tb.Errorf("proxy of %s: %v", p.inner.Name, err)
	}
}

// Delay holds back what goes in a direction, until end is called.
func (p *Proxy) Delay(d Direction, milliseconds, jitter int) (end func()) {
	p.tb.Helper()
	return p.add(d, "latency", map[string]int{"latency": milliseconds, "jitter": jitter})
}

// Swallow drops what goes in a direction, until end is called. No connection is closed, as if
// a cable were cut. What was swallowed is lost, so the connections are useless from then on:
// end cuts those that are still open.
func (p *Proxy) Swallow(d Direction) (end func()) {
	p.tb.Helper()
	lift := p.add(d, "timeout", map[string]int{"timeout": 0})
	return func() {
		lift()
		p.Cut()
	}
}

// Cut ends all connections. New ones are accepted.
func (p *Proxy) Cut() { p.Refuse()() }

// Refuse ends all connections and accepts no other one, until end is called.
func (p *Proxy) Refuse() (end func()) {
	p.inner.Stop()
	return p.accept
}

// add adds a toxic, whose attributes are those of Toxiproxy.
func (p *Proxy) add(d Direction, kind string, attributes map[string]int) (remove func()) {
	p.tb.Helper()
	text, err := json.Marshal(map[string]any{"name": kind + string(d), "type": kind, "stream": d, "attributes": attributes})
	if err == nil {
		_, err = p.inner.Toxics.AddToxicJson(strings.NewReader(string(text)))
	}
	if err != nil {
		p.tb.Errorf("proxy of %s: %v", p.inner.Name, err)
	}
	return func() {
		if err := p.inner.Toxics.RemoveToxic(context.WithoutCancel(p.tb.Context()), kind+string(d)); err != nil {
			p.tb.Errorf("proxy of %s: %v", p.inner.Name, err)
		}
	}
}
