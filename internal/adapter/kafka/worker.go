package kafka

import (
	"context"
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
}

func (c *Consumer) start(at partition) *worker {
	ctx, cancel := context.WithCancel(context.Background())
	due := atOnce
	if _, retried := c.sources[at.topic]; retried {
		due = dueTime
	}
	w := &worker{
		consumer: c, at: at, topic: c.config.bare(at.topic), ctx: ctx, cancel: cancel,
		quit: make(chan struct{}), done: make(chan struct{}), hung: make(chan struct{}), queue: newQueue(c.client, at, due),
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
// record of a retry topic is due. It reports false if no further batch may begin.
func (w *worker) idle(wait time.Duration) bool {
	var due <-chan time.Time
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
		opened, err := w.consumer.open(r)
		switch {
		case err != nil:
			if !w.sendAway(r, err) {
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
// given up. If a record of the batch is to blame, the batch is split in halves
// until that record is alone, and only it leaves the partition.
func (w *worker) handleBatch(batch []event.Opened, from []*kgo.Record) bool {
	if len(batch) == 0 {
		return true
	}
	var guilty error
	ok := w.retry(func() error {
		err := w.call(batch)
		if b := blameFor(err); b == unreadable || b == record {
			guilty = err
			return nil
		}
		return err
	})
	switch half := len(batch) / 2; {
	case !ok || guilty == nil:
		return ok
	case half == 0:
		return w.sendAway(from[0], guilty)
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
