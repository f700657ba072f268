package pgclient

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// retries returns the policy of repeated attempts. An open breaker ends the attempts: it
// stays open longer than all of them take, and recovery has thousands of orders to end
// while the gateway is away. A card that was sent often enough ends them, too.
func (c Config) retries() failsafe.Policy[transactions] {
	return retrypolicy.NewBuilder[transactions]().
		HandleIf(func(_ transactions, err error) bool {
			o := outcomeOf(err)
			return o != breakerOpen && o != spent && (errors.Is(err, ErrNotReached) || errors.Is(err, ErrUncertain))
		}).
		WithMaxAttempts(c.Attempts).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[transactions]) time.Duration { return c.pause(e.Retries()) }).
		ReturnLastFailure().
		Build()
}

// pause returns the wait after an attempt: exponential, with half of it random, so that
// calls that failed together are not repeated together.
func (c Config) pause(retries int) time.Duration {
	const doublings, limit = 16, time.Minute
	half := min(c.Backoff<<min(retries, doublings), max(limit, c.Backoff)) / 2
	if c.Random == nil {
		return 2 * half
	}
	return half + time.Duration(c.Random()*float64(half))
}

// persist tries until there is an answer, the attempts are used up, or ctx ends. It
// returns the result of the last attempt. The policy itself would return ctx's error
// instead if ctx ends at the same time, and a charge would be lost.
func (c *Client) persist(ctx context.Context, try func() (transactions, error)) (found transactions, err error) {
	_ = c.tries.WithContext(ctx).Run(func() error {
		found, err = try()
		return err
	})
	return found, err
}
