// Package relay sends the events of the outbox to Kafka: soon after the commit,
// at least once, and for each key in order.
//
// The outbox has lanes, and a lane is relayed by the process that holds its
// lease. One loop relays all lanes that a process holds: it reads the oldest
// rows, publishes them, and deletes those that Kafka has. No transaction is open
// while it waits for Kafka. kafka.Producer explains why a failure or a second
// relay can repeat events but not reorder those of a key; the leases only avoid
// the repetitions.
//
// A queue is the events of one partition. The loop passes over a queue that has
// failed. A loop of its own, with a publisher of its own, tries that queue until it
// is well again. A key whose first event cannot be sent at all is set aside, until an
// operator decides.
package relay

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Publisher writes events to the log. It returns one result for each: nil means
// that the event is safe. It writes the events of one key in order, and none of them
// after one that failed.
type Publisher interface {
	Publish(ctx context.Context, batch []event.Envelope) []error
}

// Announcer tells the other processes that there are new rows.
type Announcer interface {
	Announce(ctx context.Context) error
}

// Meter measures the relay.
type Meter interface {
	Backlog(waiting int64, age time.Duration)
	SetAside(events int)
	Sick(queues int)
	Relayed(n int)
}

// Config is what a relay is made of.
type Config struct {
	DB        store.DB
	Publisher Publisher
	// Another opens a publisher for a queue that has failed, and a function that closes
	// it. Such a queue must not hold up the Publisher.
	Another   func() (Publisher, func(), error)
	Announcer Announcer
	Committed <-chan struct{} // a transaction of this process added rows
	Noticed   <-chan struct{} // another process announced rows
	Meter     Meter
	Clock     clock.Clock // with a monotonic reading, as time.Now has
	Random    backoff.Random
	Holder    string // of the leases: unique to the relay
}

const (
	batchSize = 500
	// pollEvery is how often the relay looks for rows whose announcement was lost.
	pollEvery  = time.Second
	retryFirst = 50 * time.Millisecond
	retryLimit = 2 * time.Second
	// drainTimeout is how long a relay that has to stop may go on.
	drainTimeout = 5 * time.Second
	// databaseTimeout bounds a read or a write of the database.
	databaseTimeout = 3 * time.Second
	// publishTimeout bounds a publish, if the publisher does not do so itself.
	publishTimeout = 10 * time.Second
)

// Relay relays events until it has to stop.
type Relay struct {
	config   Config
	lease    *store.Lease
	wake     wakeup.Signal
	pause    *backoff.Backoff
	failing  *outage.Log
	floor    floor
	measured atomic.Int64 // where a measurement of the backlog may begin
	sick     sickness
	able     atomic.Bool // the last publish has sent something
	health   health
	wards    sync.WaitGroup // the loops of sick queues
	log      *slog.Logger
}

// New returns a relay.
func New(c Config, log *slog.Logger) *Relay {
	return &Relay{
		config:  c,
		lease:   store.NewLease(store.LeaseConfig{DB: c.DB, Names: leaseNames(), Holder: c.Holder, Clock: c.Clock, Log: log}),
		wake:    wakeup.New(),
		pause:   backoff.New(retryFirst, retryLimit, c.Random),
		failing: outage.New(log, "relay events from the outbox"),
		log:     log,
	}
}

// Run relays until ctx ends. Then it relays what is committed, for a few seconds
// at most, and releases its lanes, so that others take over at once.
func (r *Relay) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var others sync.WaitGroup
	others.Go(func() { r.announceCommits(background) })
	others.Go(func() { r.measureBacklog(background) })
	others.Go(func() { r.retryReleased(background) })
	r.relay(ctx)
	stop()
	others.Wait()
	r.lease.Release(ctx)
	return nil
}

// turn is the time that a loop has: it should stop when ctx ends, and must when work does.
type turn struct {
	ctx, work context.Context //nolint:containedctx // both end with the relay
}

func (t turn) stopping() bool { return t.ctx.Err() != nil }

// rest waits before the next attempt. A relay that has to stop tries at once, and then
// waits again: what is committed must not stay behind because one attempt has failed.
func (t turn) rest(d time.Duration) {
	if t.stopping() {
		backoff.Wait(t.work, d)
	} else {
		backoff.Wait(t.ctx, d)
	}
}

// relay relays until ctx has ended and the lanes that it holds are empty.
func (r *Relay) relay(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainTimeout, cancel) })()
	defer r.wards.Wait()
	t := turn{ctx, work}
	for {
		n, err := r.pass(t)
		stopping := t.stopping()
		switch {
		case work.Err() != nil, stopping && err == nil && n == 0:
			return
		case err != nil:
			r.floor.reset() // the database may be another one now
			r.failing.Failed(err)
			t.rest(r.pause.Next())
		case n < batchSize && !stopping:
			r.waitForNews(ctx)
		}
	}
}

// waitForNews waits until this process or another one has committed events, or
// for the time between two polls.
func (r *Relay) waitForNews(ctx context.Context) {
	poll := time.NewTimer(pollEvery)
	defer poll.Stop()
	select {
	case <-ctx.Done():
	case <-r.wake:
	case <-r.config.Noticed:
	case <-poll.C:
	}
}
