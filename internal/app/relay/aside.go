package relay

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// retryEvery is how often the relay looks for keys that an operator has released.
const retryEvery = time.Second

// longestReason bounds the reason that is kept with an event.
const longestReason = 500

// cause returns the text of an error, without what must not get into a table.
func cause(err error) string {
	text := []rune(err.Error())
	return string(text[:min(len(text), longestReason)])
}

// putAside sets an event aside: it holds its key, and nothing else.
func (r *Relay) putAside(ctx context.Context, a store.SetAside) error {
	err := r.write(ctx, "set an event aside", func(ctx context.Context, tx store.Tx) error { return tx.SetAside.Put(ctx, a) })
	if err == nil {
		v := a.Envelope
		r.log.Warn("an event cannot be sent and is set aside: `commerce outbox list`", "seq", a.Seq, "event", v.ID.String(), "topic", v.Topic,
			"key", v.Key, "type", v.Type, "attempts", a.Attempts, "reason", a.Reason)
	}
	return err
}

// retryReleased tries the keys that an operator has released, until ctx ends. It has a
// publisher of its own, which it opens when there is something to send.
func (r *Relay) retryReleased(ctx context.Context) {
	outage.New(r.log, "send events that were set aside").Repeat(ctx, retryEvery, func(ctx context.Context) error {
		released, err := r.released(ctx)
		if err != nil || len(released) == 0 {
			return err
		}
		out, closeOut, err := r.config.Another()
		if err != nil {
			return err
		}
		defer closeOut()
		var failed error
		for _, a := range released {
			failed = errors.Join(failed, r.sendHeld(ctx, out, a))
		}
		return failed
	})
}

// released lists the keys of this process that an operator has released. It also notes
// how many keys wait for one.
func (r *Relay) released(ctx context.Context) ([]store.SetAside, error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	var all []store.SetAside
	err := r.config.DB.View(ctx, func(tx store.Tx) (err error) {
		all, err = tx.SetAside.All(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.health.setAside.Store(int64(len(all)))
	r.config.Meter.SetAside(len(all))
	lanes := laneNumbers(r.lease.Held())
	return slices.DeleteFunc(all, func(a store.SetAside) bool { return a.State != store.Retried || !slices.Contains(lanes, a.Lane) }), nil
}

// sendHeld sends the events of a key that are held, in order, and then forgets the key. It
// begins with one event: Kafka may refuse it again.
func (r *Relay) sendHeld(ctx context.Context, out Publisher, a store.SetAside) error {
	for most := 1; ; {
		batch, err := r.held(ctx, a, most)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return r.write(ctx, "forget a key that was set aside", func(ctx context.Context, tx store.Tx) error { return tx.SetAside.Forget(ctx, a) })
		}
		if !r.lease.Holds(leaseName(a.Lane)) {
			return nil
		}
		sent, failed := r.publish(ctx, out, batch)
		if err := r.deleteSent(ctx, sent); err != nil {
			return err
		}
		switch refused := failed[queueOf(a.Envelope)]; {
		case refused == nil:
			most = min(2*most, batchSize)
		case !errors.Is(refused, event.ErrUnsendable):
			return refused
		case most == 1:
			a.OutboxRecord, a.Reason, a.Attempts, a.TriedAt = batch[0].OutboxRecord, cause(refused), a.Attempts+1, r.config.Clock()
			return r.putAside(ctx, a)
		default:
			most = 1
		}
	}
}

func (r *Relay) held(ctx context.Context, a store.SetAside, limit int) (batch []store.QueuedEvent, err error) {
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	err = r.config.DB.View(ctx, func(tx store.Tx) error {
		rows, err := tx.SetAside.Held(ctx, a, limit)
		batch = batch[:0]
		for _, row := range rows {
			batch = append(batch, store.QueuedEvent{OutboxRecord: row, Lane: a.Lane})
		}
		return err
	})
	return batch, err
}
