package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	// fewRows are sent first to a queue that has failed.
	fewRows = 16
	// wellFor is how long a queue must not have failed before it is relayed with the
	// others again.
	wellFor = 3 * time.Second
	// lostFor is how long a process must have had no lane before it forgets a queue.
	lostFor = 3 * store.LeaseTTL
	// idle is the pause of a sick queue in which nothing waits.
	idle = 100 * time.Millisecond
	// shortTimeout bounds most attempts to publish to a queue that has failed.
	shortTimeout = 4 * time.Second
	// refusals is how often Kafka must refuse an event alone before it is set aside.
	refusals = 5
)

// passOver begins a ward for each queue that has failed.
func (r *Relay) passOver(t turn, failed map[store.Queue]error) {
	for q, err := range failed {
		if r.sick.add(q, r.config.Clock(), err) {
			r.wards.Go(func() { r.nurse(t, q) })
		}
	}
}

// ward relays one queue that has failed, until it is well again.
type ward struct {
	*Relay

	queue store.Queue
	out   Publisher
	pause *backoff.Backoff
	// most is how many rows are sent at once, and limit how many may be: a batch may be
	// too large although none of its events is.
	most, limit int
	failedAt    time.Time
	heldAt      time.Time // when this process had a lane the last time
	attempts    int
	refused     int  // how often Kafka has refused the first event alone
	proved      bool // it has taken another event since the last failure
}

// nurse relays a queue with a publisher of its own, so that the queue can hang without
// holding up others.
func (r *Relay) nurse(t turn, q store.Queue) {
	defer r.wake.Notify() // rows may have come that nobody has looked at
	defer r.sick.remove(q)
	w := &ward{Relay: r, queue: q, pause: backoff.New(retryFirst, retryLimit, r.config.Random), most: fewRows, limit: batchSize, failedAt: r.config.Clock(), heldAt: r.config.Clock()}
	out, closeOut, err := r.config.Another()
	if err != nil {
		r.log.Error("open a publisher", "error", err)
		t.rest(retryLimit)
		return
	}
	defer closeOut()
	w.out = out
	failing := outage.New(r.log, "relay events to "+name(q))
	t.rest(w.pause.Next())
	for t.work.Err() == nil {
		n, err := w.try(t)
		switch {
		case err != nil:
			r.sick.add(q, r.config.Clock(), err)
			failing.Failed(err)
			t.rest(w.pause.Next())
		case n > 0:
		case t.stopping() || w.over():
			failing.Recovered()
			return
		default:
			t.rest(idle)
		}
	}
}

// over reports whether the queue need not be relayed by itself any more, if nothing was
// found in it: it is well, or it is another process that relays it.
func (w *ward) over() bool {
	now := w.config.Clock()
	if len(w.lease.Held()) == 0 {
		return now.Sub(w.heldAt) >= lostFor
	}
	return now.Sub(w.failedAt) >= wellFor
}

// try relays the oldest rows of the queue, and returns how many it saw.
func (w *ward) try(t turn) (n int, err error) {
	leases := w.lease.Held()
	if len(leases) == 0 {
		return 0, nil
	}
	w.heldAt = w.config.Clock()
	w.health.held.Store(w.heldAt.UnixMicro())
	queues := []store.Queue{w.queue}
	page, err := w.read(t.work, store.OutboxRead{Lanes: laneNumbers(leases), Queues: queues, Limit: w.most})
	if err != nil {
		return 0, err
	}
	batch, _, err := w.sort(t.work, page.Events, queues)
	if err != nil || len(batch) == 0 {
		return len(page.Events), err
	}
	if !w.lease.Holds(leases...) {
		return 0, nil
	}
	sent, failed := w.attempt(t, batch)
	if err := w.deleteSent(t.work, sent); err != nil {
		return 0, err
	}
	if len(sent) > 0 {
		w.proved = true
		w.able.Store(true)
		if err := w.lease.Renew(t.work); err != nil {
			return 0, err
		}
	}
	return len(page.Events), w.judge(t, batch, failed[w.queue])
}

// attempt publishes with little patience, so that a queue that has hung is soon tried
// again. Every fourth attempt has the usual patience: Kafka may only be slow.
func (w *ward) attempt(t turn, batch []store.QueuedEvent) (sent []int64, failed map[store.Queue]error) {
	ctx, cancel := t.work, context.CancelFunc(func() {})
	w.attempts++
	if w.attempts%4 != 0 {
		ctx, cancel = context.WithTimeout(ctx, shortTimeout)
	}
	defer cancel()
	return w.publish(ctx, w.out, batch)
}

// judge decides how to go on after an attempt. If Kafka has refused a batch, any of its
// events may be the cause, or only its size.
func (w *ward) judge(t turn, batch []store.QueuedEvent, failed error) error {
	switch {
	case failed == nil:
		w.most = min(2*w.most, w.limit)
		w.refused = 0
		w.pause.Reset()
		return nil
	case !errors.Is(failed, event.ErrUnsendable):
		w.failedAt = w.config.Clock()
		w.most = min(w.most, fewRows)
		return failed
	case len(batch) > 1:
		w.failedAt = w.config.Clock()
		w.most = len(batch) / 2
		w.limit = w.most
		w.sick.add(w.queue, w.failedAt, failed)
		return nil
	}
	return w.refuse(t, batch[0], failed)
}

// refuse counts an event that Kafka does not take although it was sent alone. It is set
// aside at once if Kafka takes other events of the queue, and after a few attempts
// otherwise: then the cause may be elsewhere.
func (w *ward) refuse(t turn, e store.QueuedEvent, failed error) error {
	w.failedAt = w.config.Clock()
	w.refused++
	if enough := w.refused >= refusals || w.proved && w.refused > 1; !enough {
		return failed
	}
	now := w.config.Clock()
	err := w.putAside(t.work, store.SetAside{
		OutboxRecord: e.OutboxRecord, Lane: e.Lane, Reason: cause(failed), Attempts: w.refused, Since: now, TriedAt: now,
	})
	if err != nil {
		return fmt.Errorf("%w; %w", failed, err)
	}
	w.refused, w.proved, w.limit = 0, false, batchSize
	return nil
}
