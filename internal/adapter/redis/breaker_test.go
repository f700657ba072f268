package redis

import (
	"errors"
	"log/slog"
	"testing"
	"time"
)

var errDown = errors.New("connection refused")

// reply is an error that Redis answers.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func newBreaker() (*breaker, *time.Time) {
	now := time.Unix(1_700_000_000, 0)
	return &breaker{now: func() time.Time { return now }, log: slog.New(slog.DiscardHandler)}, &now
}

func TestABreakerRefusesForAMomentAndThenPermitsOneCall(t *testing.T) {
	t.Parallel()
	b, now := newBreaker()
	if !b.allow() {
		t.Fatal("the first call is refused")
	}
	b.record(errDown, false)
	if b.allow() {
		t.Error("a call right after a failure is permitted")
	}
	*now = now.Add(openFor)
	if !b.allow() {
		t.Fatal("no call is permitted when the breaker is half-open")
	}
	if b.allow() {
		t.Error("a second call is permitted when the breaker is half-open")
	}
	b.record(errDown, false)
	if b.allow() {
		t.Error("a call right after a second failure is permitted")
	}
	*now = now.Add(openFor)
	b.allow()
	b.record(nil, false)
	first, second := b.allow(), b.allow()
	if !first || !second {
		t.Error("a call is refused after a success")
	}
}

func TestACancelledCallDoesNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	b, now := newBreaker()
	b.allow()
	b.record(errDown, true)
	if !b.allow() {
		t.Fatal("the breaker is open")
	}
	b.record(errDown, false)
	*now = now.Add(openFor)
	b.allow()
	b.record(errDown, true)
	if !b.allow() {
		t.Error("no call is permitted after a cancelled one")
	}
}

func TestAnErrorReplyDoesNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	b, _ := newBreaker()
	b.allow()
	b.record(reply("OOM command not allowed"), false)
	if !b.allow() {
		t.Error("the breaker is open")
	}
}
