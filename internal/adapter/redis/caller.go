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

// customerTime bounds a call that a customer waits for. What Redis has can be read from the
// database.
const customerTime = 200 * time.Millisecond

// newCaller returns a caller with a breaker. without is what is done while Redis does not answer.
func newCaller(client goredis.UniversalClient, now clock.Clock, log *slog.Logger, without string) caller {
	return caller{client, &breaker{now: now, log: log, without: without}, 2 * timeoutOf(client)}
}

// caller calls Redis with a time limit and a circuit breaker.
type caller struct {
	client  goredis.UniversalClient
	breaker *breaker
	limit   time.Duration // of a call, dialling and retries included
}

// soon returns the caller for calls that a customer waits for.
func (b caller) soon() caller {
	b.limit = min(b.limit, customerTime)
	return b
}

// do calls f unless the breaker is open.
func (b caller) do(ctx context.Context, what string, f func(ctx context.Context) error) error {
	if !b.breaker.allow(b.ping) {
		return fmt.Errorf("%s: %w", what, ErrUnavailable)
	}
	limited, cancel := context.WithTimeout(ctx, b.limit)
	defer cancel()
	limited, span := tracing.Start(limited, what, tracing.Client)
	span.Text(semconv.DBSystemNameKey, semconv.DBSystemNameRedis.Value.AsString())
	err := f(limited)
	span.End(err)
	b.breaker.record(err, ctx.Err() != nil)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
	}
	return nil
}

// ping asks Redis for an answer.
func (b caller) ping() error {
	ctx, cancel := context.WithTimeout(context.Background(), b.limit)
	defer cancel()
	return b.client.Ping(ctx).Err()
}

// The waits of patiently.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = time.Second
	patience  = 6 // attempts
)

// patiently is do for calls of work that takes long: if Redis does not answer, it calls f
// again some times. So one call that is slow does not end the whole work. f must be safe to
// repeat.
func (b caller) patiently(ctx context.Context, what string, f func(ctx context.Context) error) error {
	waits := backoff.New(firstWait, lastWait, nil)
	err := b.do(ctx, what, f)
	for n := 1; n < patience && !answered(err) && backoff.Wait(ctx, waits.Next()); n++ {
		err = b.do(ctx, what, f)
	}
	return err
}

// pipelined sends the commands of f in one round trip. A missing key is no error.
func (b caller) pipelined(ctx context.Context, what string, f func(ctx context.Context, p goredis.Pipeliner)) error {
	return b.do(ctx, what, func(ctx context.Context) error {
		p := b.client.Pipeline()
		f(ctx, p)
		commands, err := p.Exec(ctx)
		if !errors.Is(err, goredis.Nil) {
			return err
		}
		for _, c := range commands { // Exec returns the first error only
			if err := c.Err(); err != nil && !errors.Is(err, goredis.Nil) {
				return err
			}
		}
		return nil
	})
}
