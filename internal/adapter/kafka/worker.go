package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

const (
	retryFirst = 50 * time.Millisecond
	retryLimit = 2 * time.Second
)

// worker deals with the records of one partition, one batch after another.
type worker struct {
	*Consumer
	at      place
	topic   string // without prefix
	ctx     context.Context
	cancel  context.CancelFunc
	leaving chan struct{} // closed when no further batch may begin
	ended   chan struct{} // closed when the worker has ended
	pause   *backoff.Backoff
	trouble *outage.Log

	bell   wakeup.Signal // there is something in the queue
	mu     sync.Mutex
	queue  []*kgo.Record
	paused bool
}

func (c *Consumer) start(at place) *worker {
	ctx, cancel := context.WithCancel(context.Background())
	w := &worker{
		Consumer: c, at: at, topic: c.config.bare(at.topic), ctx: ctx, cancel: cancel,
		leaving: make(chan struct{}), ended: make(chan struct{}), bell: wakeup.New(),
		pause:   backoff.New(retryFirst, retryLimit, c.config.Random),
		trouble: outage.New(c.log.With("topic", at.topic, "partition", at.partition), "deal with events"),
	}
	go w.run()
	return w
}

// push adds to the queue. A queue that is full stops the fetching, not the
// caller, who serves the other partitions too.
func (w *worker) push(records []*kgo.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, records...)
	if len(w.queue) >= queueHigh && !w.paused {
		w.paused = true
		w.client.PauseFetchPartitions(map[string][]int32{w.at.topic: {w.at.partition}})
	}
	w.bell.Notify()
}

// pull takes the next batch from the queue; none if it is empty.
func (w *worker) pull() []*kgo.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch)
	batch := w.queue[:n:n]
	w.queue = w.queue[n:]
	if len(w.queue) <= queueLow {
		w.resume()
	}
	return batch
}

// resume lets a paused partition be fetched again. The lock is held.
func (w *worker) resume() {
	if w.paused {
		w.paused = false
		w.client.ResumeFetchPartitions(map[string][]int32{w.at.topic: {w.at.partition}})
	}
}

func (w *worker) run() {
	defer close(w.ended)
	defer func() { // a pause would outlive this worker, and hold up its successor
		w.mu.Lock()
		defer w.mu.Unlock()
		w.resume()
	}()
	for {
		select {
		case <-w.leaving:
			return
		case <-w.bell:
		}
		for batch := w.pull(); len(batch) > 0; batch = w.pull() {
			if w.left() || !w.deal(batch) {
				return
			}
		}
	}
}

func (w *worker) left() bool {
	select {
	case <-w.leaving:
		return true
	default:
		return false
	}
}

// deal sees a batch through. It reports whether it was; if not, the partition
// has to go, and whoever holds it next will see the batch again.
func (w *worker) deal(records []*kgo.Record) bool {
	began := w.config.Clock()
	batch, from, ok := w.open(records)
	if !ok || !w.persist(batch, from) {
		return false
	}
	w.count.size.Observe(float64(len(records)))
	w.count.seconds.Observe(w.config.Clock().Sub(began).Seconds())
	w.count.records.WithLabelValues(w.topic).Add(float64(len(records)))
	w.done.mark(w.at, records[len(records)-1])
	return true
}

// open reads the records, and returns the events with the records that they came
// from. Those that cannot be read go to the dead letters, and the others go on;
// ok is false if the partition had to go meanwhile.
func (w *worker) open(records []*kgo.Record) (batch []event.Opened, from []*kgo.Record, ok bool) {
	batch, from = make([]event.Opened, 0, len(records)), make([]*kgo.Record, 0, len(records))
	for _, r := range records {
		v, err := w.config.decode(r)
		var e event.Event
		if err == nil {
			e, err = v.Open()
		}
		switch {
		case err != nil:
			if !w.bury(r, err) {
				return nil, nil, false
			}
		case e == nil: // a newer program's word
			w.count.skipped.WithLabelValues(w.topic).Inc()
		default:
			batch, from = append(batch, event.Opened{Envelope: v, Event: e}), append(from, r)
		}
	}
	return batch, from, true
}

// persist calls the handler until it succeeds or the partition has to go. A
// batch that the handler can make no sense of is taken apart, so that only the
// guilty record leaves it.
func (w *worker) persist(batch []event.Opened, from []*kgo.Record) bool {
	if len(batch) == 0 {
		return true
	}
	var refused error
	ok := w.insist(func() error {
		err := w.handle(w.ctx, batch)
		if errors.Is(err, event.ErrUnreadable) {
			refused = err
			return nil
		}
		return err
	})
	switch half := len(batch) / 2; {
	case !ok || refused == nil:
		return ok
	case half == 0:
		return w.bury(from[0], refused)
	default:
		return w.persist(batch[:half], from[:half]) && w.persist(batch[half:], from[half:])
	}
}

// insist tries until it works, with growing pauses. It reports false if the
// partition has to go first.
func (w *worker) insist(try func() error) bool {
	for {
		err := try()
		if err == nil {
			w.trouble.Recovered()
			w.pause.Reset()
			return true
		}
		w.count.failures.WithLabelValues(w.topic).Inc()
		w.trouble.Failed(err)
		select {
		case <-w.leaving:
			return false
		case <-time.After(w.pause.Next()):
		}
	}
}
