package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// pass relays one batch of the queues that are well, and returns how many rows it saw.
//
// Progress renews the leases: a pass that has sent or sorted rows, or finds that nothing
// waits. If only queues that fail have rows, nothing is progress if the last publish sent
// nothing: a relay that hangs, or sends nothing, loses its lanes within seconds, and
// another process tries.
//
// After a failure a queue is tried from its oldest row again: no younger row of a key is
// sent while it is not known that Kafka has the older ones.
func (r *Relay) pass(t turn) (n int, err error) {
	if err := r.lease.Acquire(t.work); err != nil {
		return 0, err
	}
	held := r.lease.Held()
	if len(held) == 0 {
		r.floor.reset()
		r.measured.Store(0)
		return 0, nil
	}
	r.health.held.Store(r.config.Clock().UnixMicro())
	n, progress, err := r.relayBatch(t, held)
	if err == nil && progress {
		err = r.lease.Renew(t.work)
	}
	if err != nil {
		return 0, err
	}
	r.failing.Recovered()
	r.pause.Reset()
	return n, nil
}

// relayBatch relays the oldest rows of some lanes. It returns how many it saw, and
// whether it has made progress.
func (r *Relay) relayBatch(t turn, leases []string) (n int, progress bool, err error) {
	lanes, queues := laneNumbers(leases), r.sick.others()
	read := store.OutboxRead{Lanes: lanes, After: r.floor.after(lanes, queues, r.config.Clock()), Queues: queues, Limit: batchSize}
	page, err := r.read(t.work, read)
	if err != nil {
		return 0, false, err
	}
	r.floor.saw(page)
	if queues == nil && len(lanes) == store.Lanes {
		r.measured.Store(r.floor.at)
	}
	batch, sorted, err := r.sort(t.work, page.Events, queues)
	if err != nil {
		return 0, false, err
	}
	if len(batch) == 0 && sorted {
		return batchSize, true, nil // look again at once
	}
	if len(batch) == 0 {
		return 0, r.able.Load() || !r.sick.any(), nil
	}
	// This process may have been stopped since, for longer than a lease lasts.
	if !r.lease.Holds(leases...) {
		return 0, false, nil
	}
	sent, failed := r.publish(t.work, r.config.Publisher, batch)
	if err := r.deleteSent(t.work, sent); err != nil {
		return 0, false, err
	}
	if len(sent) > 0 {
		r.floor.deleted()
	}
	r.able.Store(len(sent) > 0)
	r.passOver(t, failed)
	return len(page.Events), len(sent) > 0, nil
}

func (r *Relay) read(ctx context.Context, read store.OutboxRead) (page store.OutboxPage, err error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	err = r.config.DB.View(ctx, func(tx store.Tx) error {
		page, err = tx.Queues.Read(ctx, read)
		return err
	})
	if err != nil {
		return page, fmt.Errorf("read the outbox: %w", err)
	}
	return page, nil
}

// sort returns the events that may be sent. It holds those that wait behind an event that
// is set aside. If events without a bucket are among queues, it gives them one, and
// nothing may be sent: they may be older than another event of their key in the page, and of a
// queue that is not asked for. It reports whether it has changed anything.
func (r *Relay) sort(ctx context.Context, page []store.QueuedEvent, queues []store.Queue) (batch []store.QueuedEvent, changed bool, err error) {
	var behind, unsorted []store.QueuedEvent
	for _, e := range page {
		switch {
		case e.Bucket == nil && queues != nil:
			unsorted = append(unsorted, e)
		case e.Behind:
			behind = append(behind, e)
		default:
			batch = append(batch, e)
		}
	}
	if len(unsorted) > 0 {
		batch, behind = nil, nil
	}
	if changed = len(unsorted)+len(behind) > 0; !changed {
		return batch, false, nil
	}
	return batch, changed, r.write(ctx, "sort the outbox", func(ctx context.Context, tx store.Tx) error {
		tx.Queues.SetBuckets(unsorted)
		if len(behind) == 0 {
			return nil
		}
		return tx.SetAside.Hold(ctx, behind)
	})
}

// write runs a transaction that goes on when the program has to stop.
func (r *Relay) write(ctx context.Context, what string, do func(ctx context.Context, tx store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), databaseTimeout)
	defer cancel()
	if err := r.config.DB.Update(ctx, func(tx store.Tx) error { return do(ctx, tx) }); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// publish returns the numbers of the rows that Kafka has, and the first error of each
// queue of which it does not have all.
//
// It may take longer than a lease lasts. Then another process may take the lanes
// and send the same events again, which is allowed; a deadline within the lease
// is not, because a Kafka that is slower than that would never get anything but
// repetitions.
func (r *Relay) publish(ctx context.Context, to Publisher, batch []store.QueuedEvent) (sent []int64, failed map[store.Queue]error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	events := make([]event.Envelope, len(batch))
	for i, p := range batch {
		events[i] = p.Envelope
	}
	failed = map[store.Queue]error{}
	for i, err := range to.Publish(ctx, events) {
		v := batch[i].Envelope
		q := queueOf(v)
		switch {
		case err == nil:
			sent = append(sent, batch[i].Seq)
		case failed[q] == nil || !errors.Is(failed[q], event.ErrUnsendable) && errors.Is(err, event.ErrUnsendable):
			failed[q] = fmt.Errorf("event %s (%s of %s): %w", v.ID, v.Type, v.Key, err)
		}
	}
	return sent, failed
}

func queueOf(v event.Envelope) store.Queue {
	return store.Queue{Topic: v.Topic, Bucket: event.PartitionOf(v.Key)}
}

// deleteSent deletes rows that Kafka has. It goes on when the program has to
// stop: otherwise they would be sent again. It does not confirm the leases, because
// Kafka has these rows even if another process holds the lanes now.
func (r *Relay) deleteSent(ctx context.Context, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	err := r.write(ctx, "delete from the outbox", func(_ context.Context, tx store.Tx) error {
		tx.Outbox.DeletePublished(seqs)
		return nil
	})
	if err == nil {
		r.config.Meter.Relayed(len(seqs))
	}
	return err
}
