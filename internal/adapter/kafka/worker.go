package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/panics"
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
	backoff  *backoff.Backoff
	outage   *outage.Log
	queue    *queue
}

func (c *Consumer) start(at partition) *worker {
	ctx, cancel := context.WithCancel(context.Background())
	w := &worker{
		consumer: c, at: at, topic: c.config.bare(at.topic), ctx: ctx, cancel: cancel,
		quit: make(chan struct{}), done: make(chan struct{}), queue: newQueue(c.client, at),
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
		select {
		case <-w.quit:
			return
		case <-w.queue.ready:
		}
		for batch := w.queue.pull(); len(batch) > 0; batch = w.queue.pull() {
			if w.quitting() || !w.process(batch) {
				return
			}
		}
	}
}

func (w *worker) quitting() bool {
	select {
	case <-w.quit:
		return true
	default:
		return false
	}
}

// process decodes and handles a batch and marks its offset for commit. It reports
// false if the partition had to be given up first: its next owner sees the batch
// again.
func (w *worker) process(records []*kgo.Record) bool {
	began := w.consumer.config.Clock()
	batch, from, ok := w.decode(records)
	if !ok || !w.handleBatch(batch, from) {
		return false
	}
	w.consumer.metrics.size.Observe(float64(len(records)))
	w.consumer.metrics.seconds.Observe(w.consumer.config.Clock().Sub(began).Seconds())
	w.consumer.metrics.records.WithLabelValues(w.topic).Add(float64(len(records)))
	w.consumer.offsets.mark(w.at, records[len(records)-1])
	return true
}

// decode reads the records and returns the events, each with the record that it
// came from. Unreadable records go to the dead-letter topic; unknown events are
// skipped. ok is false if the partition had to be given up first.
func (w *worker) decode(records []*kgo.Record) (batch []event.Opened, from []*kgo.Record, ok bool) {
	batch, from = make([]event.Opened, 0, len(records)), make([]*kgo.Record, 0, len(records))
	for _, r := range records {
		opened, err := w.consumer.config.open(r)
		switch {
		case err != nil:
			if !w.deadLetter(r, err) {
				return nil, nil, false
			}
		case opened.Event == nil: // a newer program's type
			w.consumer.metrics.skipped.WithLabelValues(w.topic).Inc()
		default:
			batch, from = append(batch, opened), append(from, r)
		}
	}
	return batch, from, true
}

// handleBatch calls the handler until it succeeds or the partition has to be
// given up. If the handler cannot read an event, the batch is split in halves
// until that event is alone: only its record goes to the dead-letter topic.
func (w *worker) handleBatch(batch []event.Opened, from []*kgo.Record) bool {
	if len(batch) == 0 {
		return true
	}
	var unreadable error
	ok := w.retry(func() error {
		err := panics.Caught(func() error { return w.consumer.handle(w.ctx, batch) })
		if errors.Is(err, event.ErrUnreadable) {
			unreadable = err
			return nil
		}
		return err
	})
	switch half := len(batch) / 2; {
	case !ok || unreadable == nil:
		return ok
	case half == 0:
		return w.deadLetter(from[0], unreadable)
	default:
		return w.handleBatch(batch[:half], from[:half]) && w.handleBatch(batch[half:], from[half:])
	}
}

// retry calls f with growing pauses until it succeeds. It reports false if the
// partition has to be given up first.
func (w *worker) retry(f func() error) bool {
	for {
		err := f()
		if err == nil {
			w.outage.Recovered()
			w.backoff.Reset()
			return true
		}
		w.consumer.metrics.failures.WithLabelValues(w.topic).Inc()
		w.outage.Failed(err)
		select {
		case <-w.quit:
			return false
		case <-time.After(w.backoff.Next()):
		}
	}
}
