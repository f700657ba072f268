package audit

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/store"
)

// cursorName names the cursors of events.
const cursorName = "events"

// List returns a page of the events that match a filter, newest first.
func (s *Service) List(ctx context.Context, f store.EventFilter, size int, cursor string) (page.Page[store.LoggedEvent], error) {
	var none page.Page[store.LoggedEvent]
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return none, fault.ErrValidation.About(fault.Field{Pointer: "to", Detail: "must be later than from"})
	}
	at, given, err := page.Decode[store.EventPosition](cursorName, cursor)
	if err != nil {
		return none, err
	}
	var after *store.EventPosition
	if given {
		after = &at
	}
	var found []store.LoggedEvent
	var more bool
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		found, more, err = tx.Events.Find(ctx, f, after, size)
		return err
	})
	return page.With(found, more, cursorName, func(e store.LoggedEvent) store.EventPosition {
		return store.EventPosition{Time: e.Time, ID: e.ID}
	}), err
}

// Get returns an event, or store.ErrEventNotFound.
func (s *Service) Get(ctx context.Context, eventID id.ID) (e store.LoggedEvent, err error) {
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		e, err = tx.Events.Get(ctx, eventID)
		return err
	})
	return e, err
}
