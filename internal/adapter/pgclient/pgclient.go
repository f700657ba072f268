// Package pgclient is the client of the card payment gateway. It translates between the
// words of package payment and the gateway's wire (package pgwire), in both directions;
// no other package of the shop speaks the wire. It decides which answers can be trusted,
// retries what is safe to repeat, and has the deadline, retry, bulkhead and circuit
// breaker of the calls.
package pgclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Config is what a Client needs. A number that is zero has the value in its comment.
type Config struct {
	URL            string        // of the gateway: http://host:port
	ConnectTimeout time.Duration // of a connection: 1 s
	AnswerTimeout  time.Duration // of a whole call, from connect to the end of the answer: 3 s
	Attempts       int           // with the first one: 3
	Backoff        time.Duration // before the second attempt; doubles for each later one: 1 s
	Bulkhead       int           // calls at once: 32
	Patience       time.Duration // how long a call waits for a place in the bulkhead: 1 s
	Breaker        Breaker

	Clock      clock.Clock
	Random     backoff.Random        // spreads the waits between attempts; nil: no jitter
	Registerer prometheus.Registerer // of the metrics
	Log        *slog.Logger

	// Dial connects to the gateway; nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client calls one gateway. It is safe for concurrent use.
type Client struct {
	base      string // of every URL
	http      *http.Client
	clock     clock.Clock
	meter     *meter
	uncertain *keySet                         // of the requests that ended uncertain
	tries     failsafe.Executor[transactions] // repeats attempts
	guards    failsafe.Executor[transactions] // bulkhead and breaker
	limit     failsafe.Executor[transactions] // the deadline of a call
}

// maxUncertain is more payments than a process has in progress at once.
const maxUncertain = 1 << 14

// New returns a Client. It does not connect yet. The error has every complaint about
// the configuration, or says that the metrics cannot be registered.
func New(c Config) (*Client, error) {
	c = c.completed()
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	m := newMeter()
	if err := m.register(c.Registerer); err != nil {
		return nil, fmt.Errorf("metrics of the gateway: %w", err)
	}
	b := newBreaker(c.Breaker, c.Clock, func(t transition) {
		m.changed(t)
		t.log(c.Log)
	})
	return &Client{
		base: strings.TrimSuffix(c.URL, "/"), http: c.http(), clock: c.Clock, meter: m, uncertain: newKeySet(maxUncertain),
		tries:  failsafe.With[transactions](c.retries()),
		guards: failsafe.With[transactions](m.bulkhead(c.Bulkhead, c.Patience), b),
		limit:  failsafe.With[transactions](timeout.New[transactions](c.AnswerTimeout)),
	}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// completed returns the configuration with its defaults filled in.
func (c Config) completed() Config {
	const connect, answer, attempts, calls = time.Second, 3 * time.Second, 3, 32
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, connect)
	c.AnswerTimeout = cmp.Or(c.AnswerTimeout, answer)
	c.Attempts = cmp.Or(c.Attempts, attempts)
	c.Backoff = cmp.Or(c.Backoff, time.Second)
	c.Bulkhead = cmp.Or(c.Bulkhead, calls)
	c.Patience = cmp.Or(c.Patience, time.Second)
	c.Breaker = c.Breaker.completed()
	return c
}

func (c Config) check() error {
	var all []error
	that := func(ok bool, complaint string) {
		if !ok {
			all = append(all, errors.New(complaint))
		}
	}
	u, err := url.Parse(c.URL)
	that(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "",
		"its URL must be http://host:port or https://host")
	that(c.ConnectTimeout > 0 && c.AnswerTimeout > 0 && c.Backoff > 0 && c.Patience > 0, "its times must be positive")
	that(c.Attempts > 0 && c.Bulkhead > 0, "attempts and bulkhead must be at least 1")
	return errors.Join(append(all, c.Breaker.check())...)
}

// http returns a client that follows no redirects, because a redirect would send the
// card number to another server.
func (c Config) http() *http.Client {
	const idle, headers = time.Minute, 64 << 10
	return &http.Client{
		Transport: &http.Transport{
			DialContext: c.dial, TLSHandshakeTimeout: c.ConnectTimeout, DisableCompression: true,
			MaxIdleConnsPerHost: c.Bulkhead, IdleConnTimeout: idle, MaxResponseHeaderBytes: headers,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dial connects to the gateway within ConnectTimeout.
func (c Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	var tcp net.Dialer
	return tcp.DialContext(ctx, network, address)
}
