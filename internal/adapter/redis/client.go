// Package redis keeps the live rankings in sorted sets, one per day. Nothing in
// it is the truth: every score was computed from the database, and all of it
// can be made again from there.
package redis

import (
	"context"
	"fmt"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// patienceOfCalls is how long one step of a call is waited for. All that Redis
// is asked here takes milliseconds.
const patienceOfCalls = 500 * time.Millisecond

// ErrAway is raised where Redis cannot be reached or does not do what it is
// told. No request is at fault: the same may succeed a moment later.
var ErrAway = fault.New(fault.Unavailable, "RANKING_AWAY", "the ranking board cannot be reached")

// Option changes how a client connects.
type Option func(*goredis.Options)

// Through has a client connect by dial instead of TCP.
func Through(dial func(ctx context.Context, network, address string) (net.Conn, error)) Option {
	return func(o *goredis.Options) { o.Dialer = dial }
}

// Within has each step of a call (dialling, getting a connection, writing,
// reading) take at most d, and a whole call of a Board twice that. Without it
// d is half a second.
func Within(d time.Duration) Option {
	return func(o *goredis.Options) {
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = d, d, d, d
	}
}

// Open returns a client for redis:// and rediss:// addresses. It does not dial:
// Redis may be away when a program starts. A board waits a
// second for it at most, since everything it holds can be read elsewhere.
func Open(url string, options ...Option) (*goredis.Client, error) {
	o, err := goredis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	goredis.SetLogger(&logging.VoidLogger{}) // it repeats, unstructured, what the errors say
	Within(patienceOfCalls)(o)
	o.DialerRetries = 1
	o.ContextTimeoutEnabled = true
	// One retry replaces a pooled connection that died unnoticed; commands
	// here may be repeated safely.
	o.MaxRetries = 1
	o.MinRetryBackoff, o.MaxRetryBackoff = time.Millisecond, 10*time.Millisecond
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	for _, option := range options {
		option(o)
	}
	return goredis.NewClient(o), nil
}
