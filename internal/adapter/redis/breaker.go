package redis

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// openFor is how long the breaker stays open after a failure.
const openFor = 250 * time.Millisecond

// breaker is a circuit breaker: callers need not wait for a Redis that has just failed to
// answer. After a failure it is open for a moment. Then the next call starts a probe and is
// refused, as all others are until a probe has an answer. So no customer waits to find out
// that Redis still hangs.
//
// A customer who has waited too long makes Redis suspect: other customers are refused until a
// probe, which starts at once, has an answer in time. So a pause of Redis costs one customer a
// moment, and the others less. Background work waits for a slow Redis; only the open breaker
// refuses it.
type breaker struct {
	now clock.Clock
	log *slog.Logger

	mu      sync.Mutex
	open    bool // Redis does not answer
	slow    bool // it does not answer in time for customers
	said    bool // the log says so
	until   time.Time
	probing bool
	usual   usual
}

// probe asks Redis for an answer, and reports how long that takes.
type probe func() (took time.Duration, err error)

func newBreaker(patience time.Duration, now clock.Clock, log *slog.Logger) *breaker {
	return &breaker{now: now, log: log, usual: usual{least: patience}}
}

// allow reports whether background work may call Redis. It must then call record. If it is
// time, ask is called in another goroutine.
func (b *breaker) allow(ask probe) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.askAgain(ask)
	return !b.open
}

// allowCustomer is allow for a call that a customer waits for.
func (b *breaker) allowCustomer(ask probe) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.askAgain(ask)
	return !b.open && !b.slow
}

// askAgain starts a probe if it is time.
func (b *breaker) askAgain(ask probe) {
	if (b.open || b.slow) && !b.probing && !b.now().Before(b.until) {
		b.ask(ask)
	}
}

// ask starts a probe.
func (b *breaker) ask(ask probe) {
	b.probing = true
	go func() {
		took, err := ask()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.probing = false
		b.learn(err, took > b.usual.limit())
	}()
}

// record records the result of a call. If the caller cancelled the call, an error
// says nothing about Redis.
func (b *breaker) record(err error, cancelled bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answered(err) || !cancelled {
		b.learn(err, b.slow)
	}
}

// suspect records that a customer has waited too long.
func (b *breaker) suspect(ask probe) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow = true
	if !b.probing {
		b.ask(ask)
	}
}

// learn takes over what a call or a probe has found out.
func (b *breaker) learn(err error, slow bool) {
	b.open, b.slow = !answered(err), slow
	if b.open || b.slow {
		b.until = b.now().Add(openFor)
	}
	sick := b.open || b.slow && !b.probing // a suspicion is none
	switch {
	case sick && !b.said:
		b.log.Warn("redis does not answer in time", "meanwhile", "customers are answered from the database", "error", err)
	case !b.open && !b.slow && b.said:
		b.log.Info("redis answers again")
	default:
		return
	}
	b.said = sick
}

// patience returns how long a customer waits.
func (b *breaker) patience() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.usual.limit()
}

// took records how long a call has taken that a customer waited for.
func (b *breaker) took(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.usual.add(d)
}

// answered reports whether Redis answered, if only with an error.
func answered(err error) bool {
	var reply goredis.Error
	return err == nil || errors.As(err, &reply)
}

// timedOut reports whether an error means that there was no answer in time.
func timedOut(err error) bool {
	var late net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout()
}
