package recount

import (
	"context"
	"errors"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

// mostWaiting bounds the events of the outbox that are taken into account.
const mostWaiting = 50_000

// marksAtOnce is how many marks are looked up by one statement.
const marksAtOnce = 5_000

// waiting is what happened before a snapshot and is not counted in it.
type waiting struct {
	sums   map[key]metric.Counters
	likes  map[int64]int64
	moving map[int64]bool // products with an event that may be of after the snapshot
}

type key struct {
	product int64
	day     clock.Day
}

// pending is an event that may not be counted yet.
type pending struct {
	counts []metric.Counters
	before bool // it happened before the snapshot for certain
}

// inFlight reads what waits. An event goes from the outbox to Kafka and is then deleted
// from the outbox. Of those in Kafka, the ones that were there before the snapshot began
// happened before it, and so did those that are in the outbox of the snapshot. Of the
// others, sent while the snapshot began, nobody knows.
func inFlight(ctx context.Context, tx store.Tx, read Reader) (*waiting, error) {
	all, err := inOutbox(ctx, tx) // the first statement: the snapshot begins
	if err != nil {
		return nil, err
	}
	err = read(ctx, func(o event.Opened, before bool) error {
		if known, there := all[o.ID]; there && (known.before || !before) {
			return nil
		}
		return note(all, o, before)
	})
	if err != nil {
		return nil, err
	}
	if err := forgetMarked(ctx, tx, all); err != nil {
		return nil, err
	}
	w := &waiting{sums: map[key]metric.Counters{}, likes: map[int64]int64{}, moving: map[int64]bool{}}
	for _, p := range all {
		for _, c := range p.counts {
			w.sums[key{c.ProductID, c.Day}] = w.sums[key{c.ProductID, c.Day}].Plus(c)
			w.likes[c.ProductID] += c.Likes
			w.moving[c.ProductID] = w.moving[c.ProductID] || !p.before
		}
	}
	return w, nil
}

// note notes an event, unless it counts nothing that is recounted.
func note(all map[id.ID]pending, o event.Opened, before bool) error {
	if _, view := o.Event.(event.ProductViewed); view {
		return nil
	}
	counts, err := metric.AppendOf(nil, &o)
	if err == nil && len(counts) > 0 {
		all[o.ID] = pending{counts, before}
	}
	return nil // one that cannot be counted becomes a dead letter
}

func inOutbox(ctx context.Context, tx store.Tx) (map[id.ID]pending, error) {
	lanes := make([]int, store.Lanes)
	for i := range lanes {
		lanes[i] = i
	}
	records, err := tx.Outbox.Next(ctx, lanes, mostWaiting+1)
	if err != nil {
		return nil, err
	}
	if len(records) > mostWaiting {
		return nil, ErrWaiting
	}
	all := map[id.ID]pending{}
	for _, r := range records {
		o := event.Opened{Envelope: r.Envelope}
		if o.Event, err = r.Envelope.Open(); err != nil || o.Event == nil {
			continue
		}
		if err := note(all, o, true); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// forgetMarked removes the events that the snapshot has counted.
func forgetMarked(ctx context.Context, tx store.Tx, all map[id.ID]pending) error {
	ids := make([]id.ID, 0, len(all))
	for e := range all {
		ids = append(ids, e)
	}
	for part := range slices.Chunk(ids, marksAtOnce) {
		marked, err := tx.Handled.Marked(ctx, event.RankingGroup, part)
		if err != nil {
			return err
		}
		for _, e := range marked {
			delete(all, e)
		}
	}
	return nil
}

// oneOf returns the first error that is one.
func oneOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return errors.ErrUnsupported // nobody asks without an error
}
