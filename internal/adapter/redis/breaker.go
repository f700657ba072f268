package redis

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// openFor is how long the breaker stays open after a failure.
const openFor = 250 * time.Millisecond

// breaker is a circuit breaker: callers need not wait for a Redis that has just
// failed to answer. After a failure it is open for a moment. Then it is half-open: the
// next call starts a probe and is refused, as all others are until a probe has an answer.
// So no customer waits to find out that Redis still hangs.
type breaker struct {
	now     clock.Clock
	log     *slog.Logger
	without string // what is done while Redis does not answer, for the log

	mu      sync.Mutex
	open    bool
	until   time.Time // if open: the end of the open state
	probing bool      // if half-open: a probe is running
}

// allow reports whether the caller may call Redis. It must then call record. If it is time, probe
// is called in another goroutine: it asks Redis for an answer.
func (b *breaker) allow(probe func() error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true
	}
	if b.probing || b.now().Before(b.until) {
		return false
	}
	b.probing = true
	go func() { b.record(probe(), false) }()
	return false
}

// record records the result of a call. If the caller cancelled the call, an error
// says nothing about Redis.
func (b *breaker) record(err error, cancelled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch {
	case answered(err):
		if b.open {
			b.log.Info("redis answers again")
		}
		b.open = false
	case !cancelled:
		if !b.open {
			b.log.Warn("redis does not answer", "meanwhile", b.without, "error", err)
		}
		b.open, b.until = true, b.now().Add(openFor)
	}
}

// answered reports whether Redis answered, if only with an error.
func answered(err error) bool {
	var reply goredis.Error
	return err == nil || errors.As(err, &reply)
}
