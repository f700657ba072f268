package relay

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// pass carries one batch over, and returns how many rows it saw. After an
// error the next pass begins with the oldest row again: nothing younger of a
// key is sent while something older of it is not known to be safe.
func (r *Relay) pass(ctx context.Context) (n int, err error) {
	lanes := r.lanes.held(r.Clock())
	if len(lanes) == 0 {
		return 0, nil
	}
	batch, err := r.next(ctx, lanes)
	if err != nil || len(batch) == 0 {
		return 0, err
	}
	// This process may have been stopped since, for longer than a lease lasts.
	if !r.lanes.cover(lanes, r.Clock()) {
		return 0, nil
	}
	kept, failed := r.publish(ctx, batch)
	if err := r.forget(ctx, kept); err != nil {
		return 0, err
	}
	return len(batch), failed
}

func (r *Relay) next(ctx context.Context, lanes []int) (batch []store.OutboxRecord, err error) {
	err = r.DB.View(ctx, func(tx store.Tx) error {
		batch, err = tx.Outbox.Next(ctx, lanes, batchSize)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return batch, nil
}

// publish returns the numbers of the rows that Kafka has, and why it has not
// all of them.
func (r *Relay) publish(ctx context.Context, batch []store.OutboxRecord) (kept []int64, failed error) {
	events := make([]event.Envelope, len(batch))
	for i, p := range batch {
		events[i] = p.Envelope
	}
	for i, err := range r.Publisher.Publish(ctx, events) {
		switch {
		case err == nil:
			kept = append(kept, batch[i].Seq)
		case failed == nil:
			v := batch[i].Envelope
			failed = fmt.Errorf("event %s (%s of %s): %w", v.ID, v.Type, v.Key, err)
		}
	}
	return kept, failed
}

// forget deletes rows. They are in Kafka: that the program has to stop is no
// reason to send them again.
func (r *Relay) forget(ctx context.Context, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	err := r.DB.Update(ctx, func(tx store.Tx) error { tx.Outbox.Sent(seqs); return nil })
	if err != nil {
		return fmt.Errorf("delete from the outbox: %w", err)
	}
	r.Meter.Relayed(len(seqs))
	return nil
}
