package pgclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// call is one kind of call to the gateway.
type call struct {
	name   string // in metrics
	user   string
	key    string // the idempotency key; empty: none
	method string
	path   string
	body   []byte // nil: none
	read   func(status int, text []byte) (transactions, error)
}

// once makes one call, if breaker and bulkhead let it through. The error is a
// *problem.
func (c *Client) once(ctx context.Context, a call) (transactions, error) {
	found, err := c.guards.WithContext(ctx).Get(func() (transactions, error) { return c.send(ctx, a) })
	var p *problem
	switch {
	case err == nil, errors.As(err, &p):
	case errors.Is(err, bulkhead.ErrFull):
		err = &problem{ErrNotReached, bulkheadFull, err}
	default: // ctx ended before
		err = &problem{ErrNotReached, abandoned, err}
	}
	c.meter.called(a.name, outcomeOf(err))
	return found, err
}

// send makes a call that was let through.
func (c *Client) send(ctx context.Context, a call) (transactions, error) {
	var begun atomic.Bool
	began := c.clock()
	found, err := c.limit.WithContext(ctx).GetWithExecution(func(e failsafe.Execution[transactions]) (transactions, error) {
		return c.exchange(e.Context(), a, &begun)
	})
	c.meter.took(a.name, c.clock().Sub(began))
	return found, explain(ctx, err, begun.Load())
}

// explain returns a *problem for an error. Once there was a connection, the gateway may
// have read the request.
func explain(ctx context.Context, err error, begun bool) error {
	var p *problem
	if err == nil || errors.As(err, &p) {
		return err
	}
	p = &problem{ErrNotReached, unreachable, err}
	if begun {
		p.is, p.outcome = ErrUncertain, uncertain
	}
	if cause := context.Cause(ctx); cause != nil {
		p.outcome, p.cause = abandoned, cause
	}
	return p
}

// exchange sends the request and reads the answer. begun becomes true as soon as there
// is a connection.
func (c *Client) exchange(ctx context.Context, a call, begun *atomic.Bool) (found transactions, err error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { begun.Store(true) }})
	ctx, span := tracing.Start(ctx, "gateway "+a.name, tracing.Client)
	defer func() { end(span, err) }()
	in, err := c.httpRequest(ctx, a)
	if err != nil {
		return nil, err
	}
	out, err := c.http.Do(in)
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	span.Int(semconv.HTTPResponseStatusCodeKey, out.StatusCode)
	text, err := io.ReadAll(io.LimitReader(out.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the answer is incomplete: %w", err)
	}
	return a.read(out.StatusCode, text)
}

func (c *Client) httpRequest(ctx context.Context, a call) (*http.Request, error) {
	var body io.Reader = http.NoBody
	if a.body != nil {
		body = bytes.NewReader(a.body)
	}
	in, err := http.NewRequestWithContext(ctx, a.method, c.base+a.path, body)
	if err != nil {
		return nil, err
	}
	// Without this, http.Transport repeats a request with an idempotency key when a
	// reused connection breaks, although the gateway may have read it. Not every
	// gateway obeys the key, so the client asks for the charges first.
	in.GetBody = nil
	tracing.Inject(ctx, in.Header)
	describe(ctx, in)
	in.Header.Set("Accept", "application/json")
	in.Header.Set(pgwire.UserHeader, a.user)
	if a.body != nil {
		in.Header.Set("Content-Type", "application/json")
	}
	if a.key != "" {
		in.Header.Set(pgwire.IdempotencyHeader, a.key)
	}
	return in, nil
}

// describe notes in the span of a call where it goes.
func describe(ctx context.Context, in *http.Request) {
	span := tracing.Current(ctx)
	span.Text(semconv.HTTPRequestMethodKey, in.Method)
	span.Text(semconv.ServerAddressKey, in.URL.Hostname())
	span.Text(semconv.URLPathKey, in.URL.Path)
}

// end ends the span of a call. A refusal is an answer, and no failure.
func end(span tracing.Span, err error) {
	if p, ok := errors.AsType[*problem](err); ok && p.outcome != refused {
		span.Fail(string(p.outcome), p.Error())
		err = nil
	}
	span.End(err)
}
