package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	goredis "github.com/redis/go-redis/v9"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

// Caller calls Redis with time limits and a circuit breaker. The boards and caches of a
// process share one: what one of them finds out, the others need not wait for.
type Caller struct {
	client  goredis.UniversalClient
	now     clock.Clock
	breaker *breaker
	limit   time.Duration // of a call, dialling and retries included
}

// NewCaller returns a caller. patience is how long a customer waits for Redis at least before
// the database is asked instead. If calls usually take longer, it is longer, up to 50 ms.
func NewCaller(client goredis.UniversalClient, patience time.Duration, now clock.Clock, log *slog.Logger) *Caller {
	return &Caller{client, now, newBreaker(patience, now, log), 2 * timeoutOf(client)}
}

// Client returns the client that the caller calls.
func (c *Caller) Client() goredis.UniversalClient { return c.client }

// call is a call of Redis. f may be called again if the connection breaks.
type call func(ctx context.Context) error

// doer is do or soon.
type doer func(ctx context.Context, what string, f call) error

// do calls f unless the breaker is open.
func (c *Caller) do(ctx context.Context, what string, f call) error {
	if !c.breaker.allow(c.probe) {
		return fmt.Errorf("%s: %w", what, ErrUnavailable)
	}
	err := c.limited(ctx, c.limit, what, f)
	c.breaker.record(err, ctx.Err() != nil)
	return unavailable(what, err)
}

// soon is do for what a customer waits for and the database has, too. It gives up early, and
// does not call f while Redis is slow.
func (c *Caller) soon(ctx context.Context, what string, f call) error {
	if !c.breaker.allowCustomer(c.probe) {
		return fmt.Errorf("%s: %w", what, ErrUnavailable)
	}
	began := c.now()
	err := c.limited(ctx, min(c.limit, c.breaker.patience()), what, f)
	switch {
	case err == nil:
		c.breaker.took(c.now().Sub(began))
		c.breaker.record(nil, false)
	case timedOut(err) && ctx.Err() == nil:
		c.breaker.suspect(c.probe)
	default:
		c.breaker.record(err, ctx.Err() != nil)
	}
	return unavailable(what, err)
}

// limited calls f with a time limit, as a span.
func (c *Caller) limited(ctx context.Context, limit time.Duration, what string, f call) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ctx, span := tracing.Start(ctx, what, tracing.Client)
	span.Text(semconv.DBSystemNameKey, semconv.DBSystemNameRedis.Value.AsString())
	err := f(ctx)
	span.End(err)
	return err
}

func unavailable(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}

// probe asks Redis for an answer, and reports how long that takes.
func (c *Caller) probe() (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), c.limit)
	defer cancel()
	began := c.now()
	err = c.ask(ctx)
	return c.now().Sub(began), err
}

// ask asks each server that takes writes: in a cluster, one that answers says nothing of the others.
func (c *Caller) ask(ctx context.Context) error {
	servers, ok := c.client.(*goredis.ClusterClient)
	if !ok {
		return c.client.Ping(ctx).Err() //nolint:wrapcheck // it is for the breaker
	}
	err := servers.ForEachMaster(ctx, func(ctx context.Context, server *goredis.Client) error { return server.Ping(ctx).Err() })
	if err != nil {
		servers.ReloadState(ctx) // another server may have taken over
	}
	return err //nolint:wrapcheck // it is for the breaker
}

// The waits of patiently.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = time.Second
	attempts  = 6
)

// patiently is do for calls of work that takes long: if Redis does not answer, it calls f
// again some times. So one call that is slow does not end the whole work. f must be safe to
// repeat.
func (c *Caller) patiently(ctx context.Context, what string, f call) error {
	waits := backoff.New(firstWait, lastWait, nil)
	err := c.do(ctx, what, f)
	for n := 1; n < attempts && !answered(err) && backoff.Wait(ctx, waits.Next()); n++ {
		err = c.do(ctx, what, f)
	}
	return err
}

// pipelined sends the commands of f in one round trip. A missing key is no error.
func (c *Caller) pipelined(f func(ctx context.Context, p goredis.Pipeliner)) call {
	return func(ctx context.Context) error {
		p := c.client.Pipeline()
		f(ctx, p)
		return firstError(ctx, p, func(err error) bool { return errors.Is(err, goredis.Nil) })
	}
}

// firstError sends commands, and returns the first error that may not be ignored.
func firstError(ctx context.Context, p goredis.Pipeliner, ignored func(error) bool) error {
	commands, err := p.Exec(ctx)
	if err == nil || !ignored(err) {
		return err //nolint:wrapcheck // the caller wraps it
	}
	for _, command := range commands { // Exec returns the first error only
		if err := command.Err(); err != nil && !ignored(err) {
			return err //nolint:wrapcheck // as above
		}
	}
	return nil
}
