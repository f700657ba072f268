// Package redis keeps the live rankings in Redis, in sorted sets per day. It is a
// cache: every score is computed from the database and can be rebuilt from there.
package redis

import (
	"context"
	"fmt"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/loopers-commerce/commerce/internal/base/dial"
	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// defaultTimeout bounds one step of a call. The calls of this package take
// milliseconds.
const defaultTimeout = 500 * time.Millisecond

// ErrUnavailable means that Redis does not answer or refuses a command. The request
// is not at fault: the same call may succeed a moment later.
var ErrUnavailable = fault.New(fault.Unavailable, "RANKING_AWAY", "the ranking board cannot be reached")

// Option changes how a client connects.
type Option func(*goredis.UniversalOptions)

// WithDialer makes a client connect with dial instead of TCP.
func WithDialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *goredis.UniversalOptions) { o.Dialer = dial }
}

// WithTimeout bounds each step of a call (dialling, waiting for a connection,
// writing, reading) by d, and a whole call of a Board by twice d. The default is half
// a second.
func WithTimeout(d time.Duration) Option {
	return func(o *goredis.UniversalOptions) {
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = d, d, d, d
	}
}

// WithBuffers sets the memory of a connection that is at rest, in bytes: it has two buffers
// of that size.
func WithBuffers(size int) Option {
	return func(o *goredis.UniversalOptions) {
		o.ReadBufferSize, o.WriteBufferSize, o.PipelineReadBufferSize, o.PipelineWriteBufferSize = size, size, size, size
	}
}

// Open returns a client for an address as Parse reads it. It does not connect:
// Redis may be down when a program starts. With the default timeout a board waits for
// it for at most a second, because everything in Redis can be read from the database.
func Open(url string, options ...Option) (goredis.UniversalClient, error) {
	o, err := Parse(url)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	goredis.SetLogger(&logging.VoidLogger{}) // it logs, as plain text, what the errors say
	WithTimeout(defaultTimeout)(o)
	o.Dialer = dial.Secure(o.TLSConfig)
	o.DialerRetries = 1
	o.ContextTimeoutEnabled = true
	// One retry replaces a pooled connection that has broken; all commands of this
	// package are safe to repeat.
	o.MaxRetries = 1
	o.MinRetryBackoff, o.MaxRetryBackoff = time.Millisecond, 10*time.Millisecond
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	for _, option := range options {
		option(o)
	}
	return goredis.NewUniversalClient(o), nil
}
