package pgclient

import (
	"context"
	"errors"
	"log/slog"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/common"
)

// errOpen is why a call is not even made.
var errOpen = errors.New("the circuit breaker is open")

// ToExecutor implements failsafe.Policy.
func (b *breaker) ToExecutor(transactions) any { return b }

// Apply is what failsafe asks of the executor of a policy.
func (b *breaker) Apply(
	next func(failsafe.Execution[transactions]) *common.PolicyResult[transactions],
) func(failsafe.Execution[transactions]) *common.PolicyResult[transactions] {
	return func(e failsafe.Execution[transactions]) *common.PolicyResult[transactions] {
		term, may := b.enter()
		if !may {
			return &common.PolicyResult[transactions]{Error: &problem{ErrNotReached, breakerOpen, errOpen}, Done: true}
		}
		began := b.clock()
		r := next(e)
		switch outcomeOf(r.Error) {
		case abandoned:
			b.forget(term)
		case unreachable, uncertain:
			b.leave(term, true, b.clock().Sub(began))
		default: // also its no is an answer
			b.leave(term, false, b.clock().Sub(began))
		}
		return r
	}
}

// change is a breaker that changes its state, and the calls that made it.
type change struct {
	from, to            state
	calls, failed, slow int
}

// log tells of the change. The first one is no news.
func (c change) log(log *slog.Logger) {
	level := slog.LevelInfo
	switch {
	case c.from == "":
		return
	case c.to == open:
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "the breaker of the payment gateway changes",
		"from", string(c.from), "to", string(c.to), "calls", c.calls, "failed", c.failed, "slow", c.slow)
}
