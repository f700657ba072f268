package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// customers act through both APIs, and repeat a request under the same key until
// it is answered.
type customers struct {
	retrier *apiclient.Retrier
	seed    uint64
	pause   time.Duration // between two acts of a queue, on average
	// ended is called with the number of requests that have ended. rush reports
	// whether customers do not pause then.
	ended func(ctx context.Context, requests int64)
	rush  func(requests int64) bool

	requests atomic.Int64 // that were answered
}

const queues = 16

func newCustomers(t *testing.T, seed uint64, urls ...string) *customers {
	t.Helper()
	// Longer than the API takes when all is well, shorter than a freeze lasts.
	const timeout = 4 * time.Second
	c := &customers{seed: seed, retrier: apiclient.NewRetrier(timeout, 2*queues, urls...)}
	t.Cleanup(c.retrier.Close)
	return c
}

// do does all acts: each customer does one after another.
func (c *customers) do(ctx context.Context, acts []*act) error {
	var lines [queues][]*act
	queueOf := map[string]int{}
	for _, a := range acts {
		i, known := queueOf[a.user]
		if !known {
			i = shortest(lines[:])
			queueOf[a.user] = i
		}
		lines[i] = append(lines[i], a)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for i, line := range lines {
		all.Go(func() {
			if err := c.queue(ctx, line, rand.New(rand.NewPCG(c.seed, uint64(i)))); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func shortest(lines [][]*act) (best int) {
	for i := range lines {
		if len(lines[i]) < len(lines[best]) {
			best = i
		}
	}
	return best
}

func (c *customers) queue(ctx context.Context, line []*act, rng *rand.Rand) error {
	for _, a := range line {
		if err := c.complete(ctx, a, rng.IntN(2)); err != nil {
			return err
		}
		n := c.requests.Add(1)
		c.ended(ctx, n)
		if !c.rush(n) {
			backoff.Wait(ctx, time.Duration(2*rng.Float64()*float64(c.pause)))
		}
	}
	return nil
}

// complete sends an act until it is answered, and keeps the answer.
func (c *customers) complete(ctx context.Context, a *act, api int) error {
	var other answer
	var otherErr error
	var twin sync.WaitGroup
	if a.twice {
		twin.Go(func() { other, otherErr = c.send(ctx, a, 1-api) })
	}
	one, err := c.send(ctx, a, api)
	twin.Wait()
	if err == nil {
		err = otherErr
	}
	if err == nil && a.twice && !one.same(other) {
		err = fmt.Errorf("%v was answered %+v and %+v", a, one, other)
	}
	if err == nil {
		a.note(one)
	}
	return err
}

// answer is what matters of a response.
type answer struct {
	status   int
	replayed bool
	ID, Code string
	Balance  int64
}

func (a answer) same(b answer) bool {
	a.replayed, b.replayed = false, false
	return a == b
}

// send sends an act until it is answered.
func (c *customers) send(ctx context.Context, a *act, api int) (answer, error) {
	got, err := c.retrier.Do(ctx, a.request(), api)
	if err != nil {
		return answer{}, err
	}
	of := answer{status: got.Status, replayed: got.Replayed, Code: got.Code()}
	if got.OK() && a.kind != view && len(got.Body) > 0 {
		err = got.Decode(&of)
	}
	tooLate := of.Code == "ORDER_STATE" && a.kind == cancel && a.order.pay.card > 0 // it was declined or has expired meanwhile
	if err != nil || !got.OK() && !tooLate {
		return of, fmt.Errorf("%v was answered %v, %w", a, got, err)
	}
	return of, nil
}

// repeat sends some of the acts that moved money, stock or coupons once more:
// their keys must be free, and have the answer.
func (c *customers) repeat(ctx context.Context, acts []*act) error {
	for i, a := range acts {
		if a.key == "" || i%20 != 0 {
			continue
		}
		got, err := c.send(ctx, a, i%2)
		if err == nil && (!got.replayed || a.id != "" && got.ID != a.id) {
			err = fmt.Errorf("%v was answered %+v when it was repeated", a, got)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
