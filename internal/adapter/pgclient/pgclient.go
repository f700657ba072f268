// Package pgclient asks a card payment gateway over HTTP. It knows how far an
// answer can be believed, tries again where that is safe, and leaves a gateway
// alone that fails: deadline, retry, bulkhead and circuit breaker are in here,
// and nothing outside knows of them.
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

// Config is what a client needs. Figures that are zero are what the comment says.
type Config struct {
	URL            string        // where the gateway is: http://host:port
	ConnectTimeout time.Duration // for a connection: 1 s
	AnswerTimeout  time.Duration // for a whole call, connecting and reading included: 3 s
	Attempts       int           // at one thing, the first included: 3
	Backoff        time.Duration // before the second attempt, twice as long before each later one: 1 s
	Bulkhead       int           // calls at once: 32
	Patience       time.Duration // that one more has for one of them to end, before it is turned away: 1 s
	Breaker        Breaker

	Clock      clock.Clock           // tells the time
	Random     backoff.Random        // spreads the waits between attempts; nil leaves nothing to chance
	Registerer prometheus.Registerer // where to count
	Log        *slog.Logger

	// Dial connects to the gateway, over whatever network there is; nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client speaks to one gateway. It is safe for concurrent use.
type Client struct {
	base   string // of every URL
	http   *http.Client
	clock  clock.Clock
	meter  *meter
	doubts *doubts
	tries  failsafe.Executor[transactions] // attempt after attempt
	guards failsafe.Executor[transactions] // who is let through to the gateway
	limit  failsafe.Executor[transactions] // how long a call may take
}

// mostDoubts is more payments than a process has under way at once.
const mostDoubts = 1 << 14

// New returns a client. It speaks to nobody yet. The error has every complaint
// about the configuration, or says that the metrics cannot be registered.
func New(c Config) (*Client, error) {
	c = c.completed()
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	m := newMeter()
	if err := m.register(c.Registerer); err != nil {
		return nil, fmt.Errorf("metrics of the gateway: %w", err)
	}
	b := newBreaker(c.Breaker, c.Clock, func(ch change) {
		m.changed(ch)
		ch.log(c.Log)
	})
	return &Client{
		base: strings.TrimSuffix(c.URL, "/"), http: c.http(), clock: c.Clock, meter: m, doubts: newDoubts(mostDoubts),
		tries:  failsafe.With[transactions](c.retries()),
		guards: failsafe.With[transactions](m.bulkhead(c.Bulkhead, c.Patience), b),
		limit:  failsafe.With[transactions](timeout.New[transactions](c.AnswerTimeout)),
	}, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// completed returns the configuration with nothing left to be guessed.
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
	that(c.ConnectTimeout > 0 && c.AnswerTimeout > 0 && c.Backoff > 0 && c.Patience > 0, "its times must be longer than nothing")
	that(c.Attempts > 0 && c.Bulkhead > 0, "it needs one attempt and one call at once, or more")
	return errors.Join(append(all, c.Breaker.check())...)
}

// http returns a client that follows no redirect: a gateway that sends a
// request elsewhere would have a card number sent elsewhere.
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

// dial connects to the gateway, or gives up.
func (c Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	var tcp net.Dialer
	return tcp.DialContext(ctx, network, address)
}
