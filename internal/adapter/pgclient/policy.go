package pgclient

import (
	"context"
	"errors"
	"log/slog"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/common"
)

// errOpen is the cause of a call that the breaker did not let through.
var errOpen = errors.New("the circuit breaker is open")

// ToExecutor implements failsafe.Policy.
func (b *breaker) ToExecutor(transactions) any { return b }

// Apply implements the executor that failsafe expects of a policy.
func (b *breaker) Apply(
	next func(failsafe.Execution[transactions]) *common.PolicyResult[transactions],
) func(failsafe.Execution[transactions]) *common.PolicyResult[transactions] {
	return func(e failsafe.Execution[transactions]) *common.PolicyResult[transactions] {
		term, allowed := b.enter()
		if !allowed {
			return &common.PolicyResult[transactions]{Error: &problem{ErrNotReached, breakerOpen, errOpen}, Done: true}
		}
		began := b.clock()
		r := next(e)
		switch outcomeOf(r.Error) {
		case abandoned:
			b.forget(term)
		case unreachable, uncertain:
			b.leave(term, true, b.clock().Sub(began))
		default: // a refusal is an answer, too
			b.leave(term, false, b.clock().Sub(began))
		}
		return r
	}
}

// transition is a change of the breaker's state, and the calls that caused it.
type transition struct {
	from, to            state
	calls, failed, slow int
}

// log logs the transition, except the first one, into the initial state.
func (c transition) log(log *slog.Logger) {
	level := slog.LevelInfo
	switch {
	case c.from == "":
		return
	case c.to == open:
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "the circuit breaker of the payment gateway has changed its state",
		"from", string(c.from), "to", string(c.to), "calls", c.calls, "failed", c.failed, "slow", c.slow)
}
