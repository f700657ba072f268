package pgclient

import (
	"context"
	"errors"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// retries is attempt after attempt at what the gateway did not answer. An open
// breaker is not waited for: it stays open for longer than all the attempts
// take, and recovery has thousands of orders to end while the gateway is away.
func (c Config) retries() failsafe.Policy[transactions] {
	return retrypolicy.NewBuilder[transactions]().
		HandleIf(func(_ transactions, err error) bool {
			return outcomeOf(err) != breakerOpen && (errors.Is(err, ErrNotReached) || errors.Is(err, ErrUncertain))
		}).
		WithMaxAttempts(c.Attempts).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[transactions]) time.Duration { return c.pause(e.Retries()) }).
		ReturnLastFailure().
		Build()
}

// pause is how long to wait after an attempt: a step that doubles, half of
// which is left to chance, so that those who failed together do not come back
// together.
func (c Config) pause(retries int) time.Duration {
	const doublings, limit = 16, time.Minute
	half := min(c.Backoff<<min(retries, doublings), max(limit, c.Backoff)) / 2
	if c.Random == nil {
		return 2 * half
	}
	return half + time.Duration(c.Random()*float64(half))
}

// persist tries until there is an answer, the attempts are used up, or ctx
// ends. It returns what the last attempt came to: the policy itself would
// forget that, and a charge with it, where ctx ends at the same time.
func (c *Client) persist(ctx context.Context, try func() (transactions, error)) (found transactions, err error) {
	_ = c.tries.WithContext(ctx).Run(func() error {
		found, err = try()
		return err
	})
	return found, err
}
