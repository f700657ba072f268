package kafka

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

const (
	retryFirst = 50 * time.Millisecond
	retryLimit = 2 * time.Second
)

// worker processes the records of one partition, one batch after another.
type worker struct {
	consumer *Consumer
	at       partition
	topic    string          // without prefix
	ctx      context.Context //nolint:containedctx // of the handler: its end aborts a running batch
	cancel   context.CancelFunc
	quit     chan struct{} // closed when no further batch may begin
	done     chan struct{} // closed when the worker has ended
	hung     chan struct{} // closed when its handler does not return
	backoff  *backoff.Backoff
	outage   *outage.Log
	queue    *queue

	log     *position              // what was fetched of the partition
	problem atomic.Pointer[string] // why it does not go on; empty: it does
	working atomic.Int64           // since when the handler works, in microseconds; 0: it does not

	parked    *parking // nil where order does not matter
	postponed bool     // the first record of a park is to be tried again later
}

func (c *Consumer) start(at partition) *worker {
	ctx, cancel := context.WithCancel(context.Background())
	due, most := atOnce, maxBatch
	if _, retried := c.sources[at.topic]; retried {
		due = dueTime
		if event.InOrder(c.name) {
			most = 1 // in a park, each record waits for the one before it
		}
	}
	w := &worker{
		consumer: c, at: at, topic: c.config.bare(at.topic), ctx: ctx, cancel: cancel,
		quit: make(chan struct{}), done: make(chan struct{}), hung: make(chan struct{}), log: &position{next: unknown}, parked: c.parkingFor(at), queue: newQueue(c.client, at, due, most, c.memory),
		backoff: backoff.New(retryFirst, retryLimit, c.config.Random),
		outage:  outage.New(c.log.With("topic", at.topic, "partition", at.number), "process events"),
	}
	go w.run()
	return w
}

func (w *worker) run() {
	defer close(w.done)
	defer w.queue.close()
	for {
		batch, wait := w.queue.pull(w.consumer.config.Clock())
		if len(batch) == 0 {
			if !w.idle(wait) {
				return
			}
			continue
		}
		if w.quitting() || !w.process(batch) {
			return
		}
	}
}

// idle returns when there may be a batch: when records come in, or when the first
// record of a retry topic is due. It reports false if no further batch may begin. While
// keys are parked, it looks whether they still are: no batch may come that does.
func (w *worker) idle(wait time.Duration) bool {
	var due <-chan time.Time
	if w.parked.some() {
		wait = parkInterval
	}
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-w.quit:
		return false
	case <-w.queue.ready:
	case <-due:
		_ = w.refreshParked() // if it fails, the next one may not
	}
	return true
}

func (w *worker) quitting() bool {
	select {
	case <-w.quit:
		return true
	default:
		return false
	}
}

// process handles a batch and marks its offset for commit. It reports false if the
// partition had to be given up first: its next owner sees the batch again.
func (w *worker) process(records []*kgo.Record) bool {
	began := w.consumer.config.Clock()
	if !w.consumer.handling.process(w, records) {
		return false
	}
	if w.postponed {
		w.postponed = false
		return true
	}
	w.consumer.metrics.size.Observe(float64(len(records)))
	w.consumer.metrics.seconds.Observe(w.consumer.config.Clock().Sub(began).Seconds())
	w.consumer.metrics.records.WithLabelValues(w.topic).Add(float64(len(records)))
	w.consumer.offsets.mark(w.at, w.log.id(), records[len(records)-1])
	return true
}

// retry calls f with growing pauses until it succeeds. It reports false if the
// partition has to be given up first.
func (w *worker) retry(f func() error) bool {
	for {
		err := f()
		if err == nil {
			w.outage.Recovered()
			w.backoff.Reset()
			w.troubled(nil)
			return true
		}
		if w.quitting() {
			return false
		}
		w.consumer.metrics.failures.WithLabelValues(w.topic).Inc()
		w.outage.Failed(err)
		w.troubled(err)
		select {
		case <-w.quit:
			return false
		case <-time.After(w.backoff.Next()):
		}
	}
}
