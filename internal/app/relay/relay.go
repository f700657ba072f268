// Package relay carries what transactions promised, the rows of the outbox, to
// Kafka: soon after the commit, at least once, and for each key in order.
//
// The outbox has lanes, and a lane is worked by the process that holds its
// lease. One loop works all lanes that a process holds: it reads the oldest
// rows, publishes them, and deletes those that Kafka has. No transaction is open
// while Kafka is spoken to. Why a failure or a second relay can repeat events but
// not reorder a key is told at kafka.Producer; the leases only avoid the
// repetitions.
package relay

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Publisher writes events to the log. It answers with one result for each: nil
// means that the event is safe. Whatever it adds of a key, safe or not, is a
// prefix of what it was given of that key.
type Publisher interface {
	Publish(ctx context.Context, batch []event.Envelope) []error
}

// Announcer tells the other processes that there are new rows.
type Announcer interface {
	Announce(ctx context.Context) error
}

// Meter is shown how the relay fares.
type Meter interface {
	Backlog(waiting int64, age time.Duration)
	Relayed(n int)
}

// Parts is what a relay is made of.
type Parts struct {
	DB        store.DB
	Publisher Publisher
	Announcer Announcer
	Committed <-chan struct{} // a transaction of this process added rows
	Noticed   <-chan struct{} // another process announced rows
	Meter     Meter
	Clock     clock.Clock // with a monotonic reading, as time.Now has
	Random    backoff.Random
	Holder    string // of the leases: another one for each relay
}

const (
	batchSize = 500
	// pollEvery finds rows whose announcement was lost.
	pollEvery  = time.Second
	retryFirst = 50 * time.Millisecond
	retryLimit = 2 * time.Second
	// drainGrace is how long a relay that has to stop may go on.
	drainGrace = 5 * time.Second
	// writeTimeout bounds the deletion of what was published.
	writeTimeout = 5 * time.Second
)

// Relay carries events until it is told to stop.
type Relay struct {
	Parts
	lanes   *lanes
	wake    chan struct{}
	pause   *backoff.Backoff
	failing *outage.Log
	log     *slog.Logger
}

// New returns a relay.
func New(p Parts, log *slog.Logger) *Relay {
	return &Relay{
		Parts: p, lanes: &lanes{}, wake: make(chan struct{}, 1),
		pause:   backoff.New(retryFirst, retryLimit, p.Random),
		failing: outage.New(log, "relay events from the outbox"), log: log,
	}
}

// Run relays until ctx ends. Then it carries over what is committed, for a few
// seconds at most, and gives its lanes back, so that others take over at once.
func (r *Relay) Run(ctx context.Context) error {
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	var sides sync.WaitGroup
	// The leases have a goroutine of their own: a publish may take longer than
	// a lease lasts.
	sides.Go(func() { r.keepLanes(beside) })
	sides.Go(func() { r.herald(beside) })
	sides.Go(func() { r.watch(beside) })
	r.relay(ctx)
	stop()
	sides.Wait()
	r.release(context.WithoutCancel(ctx))
	return nil
}

// relay works off the outbox until ctx ends and what it holds is empty.
func (r *Relay) relay(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainGrace, cancel) })()
	for {
		n, err := r.pass(work)
		stopping := ctx.Err() != nil
		switch {
		case err != nil && stopping, n == 0 && stopping:
			return
		case err != nil:
			r.failing.Failed(err)
			backoff.Wait(ctx, r.pause.Next())
			continue
		case n < batchSize && !stopping:
			r.rest(ctx)
		}
		r.failing.Recovered()
		r.pause.Reset()
	}
}

// rest waits for news: of this process, of another one, or of none for a while.
func (r *Relay) rest(ctx context.Context) {
	poll := time.NewTimer(pollEvery)
	defer poll.Stop()
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-r.Noticed:
	case <-poll.C:
	}
}

// ring wakes whoever waits for the bell, now or when it next looks.
func ring(bell chan<- struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
