package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// pass relays one batch and returns how many rows it saw. A pass that succeeds,
// with or without rows, or that has sent a part of its rows, is the progress that
// renews the leases: a relay that hangs, or sends nothing, loses its lanes within
// seconds, and another process tries.
//
// After an error the next pass begins with the oldest row again: no younger row
// of a key is sent while it is not known that Kafka has the older ones.
func (r *Relay) pass(ctx context.Context) (n int, err error) {
	if err := r.lease.Acquire(ctx); err != nil {
		return 0, err
	}
	held := r.lease.Held()
	if len(held) == 0 {
		return 0, nil
	}
	n, sent, err := r.relayBatch(ctx, held)
	if err == nil || sent > 0 {
		err = errors.Join(err, r.lease.Renew(ctx))
	}
	if err != nil {
		return 0, err
	}
	r.failing.Recovered()
	r.pause.Reset()
	return n, nil
}

// relayBatch relays the oldest rows of some lanes. It returns how many it saw, and how
// many of them it has sent and deleted.
func (r *Relay) relayBatch(ctx context.Context, leases []string) (n, sent int, err error) {
	batch, err := r.next(ctx, laneNumbers(leases))
	if err != nil || len(batch) == 0 {
		return 0, 0, err
	}
	// This process may have been stopped since, for longer than a lease lasts.
	if !r.lease.Holds(leases...) {
		return 0, 0, nil
	}
	seqs, failed := r.publish(ctx, batch)
	if err := r.deleteSent(ctx, seqs); err != nil {
		return 0, 0, err
	}
	return len(batch), len(seqs), failed
}

func (r *Relay) next(ctx context.Context, lanes []int) (batch []store.OutboxRecord, err error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	err = r.config.DB.View(ctx, func(tx store.Tx) error {
		batch, err = tx.Outbox.Next(ctx, lanes, batchSize)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return batch, nil
}

// publish returns the numbers of the rows that Kafka has, and the first error if
// it does not have all of them.
//
// It may take longer than a lease lasts. Then another process may take the lanes
// and send the same events again, which is allowed; a deadline within the lease
// is not, because a Kafka that is slower than that would never get anything but
// repetitions.
func (r *Relay) publish(ctx context.Context, batch []store.OutboxRecord) (sent []int64, failed error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	events := make([]event.Envelope, len(batch))
	for i, p := range batch {
		events[i] = p.Envelope
	}
	for i, err := range r.config.Publisher.Publish(ctx, events) {
		switch {
		case err == nil:
			sent = append(sent, batch[i].Seq)
		case failed == nil:
			v := batch[i].Envelope
			failed = fmt.Errorf("event %s (%s of %s): %w", v.ID, v.Type, v.Key, err)
		}
	}
	return sent, failed
}

// deleteSent deletes rows that Kafka has. It goes on when the program has to
// stop: otherwise they would be sent again. It does not confirm the leases, because
// Kafka has these rows even if another process holds the lanes now.
func (r *Relay) deleteSent(ctx context.Context, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), databaseTimeout)
	defer cancel()
	err := r.config.DB.Update(ctx, func(tx store.Tx) error { tx.Outbox.DeletePublished(seqs); return nil })
	if err != nil {
		return fmt.Errorf("delete from the outbox: %w", err)
	}
	r.config.Meter.Relayed(len(seqs))
	return nil
}
