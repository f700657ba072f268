package relay

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/store"
)

// ErrNotAside is returned for an event that is not set aside.
var ErrNotAside = fault.New(fault.NotFound, "EVENT_NOT_SET_ASIDE", "there is no event with this number that is set aside: commerce outbox list")

// Desk is where an operator decides about events that were set aside.
type Desk struct {
	db    store.DB
	clock clock.Clock
}

// NewDesk returns a desk.
func NewDesk(db store.DB, now clock.Clock) *Desk { return &Desk{db, now} }

// Aside is an event that was set aside.
type Aside struct {
	store.SetAside

	Behind int64 // how many events wait behind it
}

// List returns the events that are set aside, in the order in which they happened.
func (d *Desk) List(ctx context.Context) (list []Aside, err error) {
	err = d.db.View(ctx, func(tx store.Tx) error {
		all, err := tx.SetAside.All(ctx)
		if err != nil {
			return err
		}
		list = make([]Aside, len(all))
		for i, a := range all {
			behind, err := tx.SetAside.Behind(ctx, a)
			if err != nil {
				return err
			}
			list[i] = Aside{a, behind}
		}
		return nil
	})
	return list, err
}

// Find returns an event that is set aside.
func (d *Desk) Find(ctx context.Context, seq int64) (Aside, error) {
	list, err := d.List(ctx)
	for _, a := range list {
		if a.Seq == seq && a.State == store.Waits {
			return a, err
		}
	}
	if err == nil {
		err = ErrNotAside
	}
	return Aside{}, err
}

// Retry lets the relay send an event, and all that waits behind it.
func (d *Desk) Retry(ctx context.Context, seq int64) error { return d.release(ctx, seq, nil) }

// mostActor and mostReason are lengths in characters.
const mostActor, mostReason = 200, 500

// Discard gives up an event. What waits behind it is sent. It returns fault.ErrValidation for
// an actor or a reason that cannot be kept.
func (d *Desk) Discard(ctx context.Context, seq int64, actor, reason string) error {
	var c fault.Check
	actor, reason = c.Text("/actor", text.Name(actor, mostActor)), c.Text("/reason", text.Prose(reason, 1, mostReason))
	if err := c.Err(); err != nil {
		return err
	}
	return d.release(ctx, seq, &store.Discard{Actor: actor, Reason: reason, At: d.clock()})
}

func (d *Desk) release(ctx context.Context, seq int64, discard *store.Discard) error {
	return d.db.Update(ctx, func(tx store.Tx) error {
		found, err := tx.SetAside.Release(ctx, seq, discard)
		if err == nil && !found {
			err = ErrNotAside
		}
		return err
	})
}
