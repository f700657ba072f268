package store

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// ErrEventNotFound is returned for an event that the log does not have.
var ErrEventNotFound = fault.New(fault.NotFound, "EVENT_NOT_FOUND", "the event log has no such event; it may be too old")

// EventLog keeps every event, each once, for operators. An event belongs to the day of
// the time in its id: the day on which it was published, though it may be about an
// earlier one. So an event that is received twice belongs to one day, and a day is
// deleted as a whole. The time in an id is that of UUIDv7. An event with another kind
// of id belongs to no day.
type EventLog interface {
	// Prepare makes room for the events of days. Events of other days are kept, too, but
	// to delete them takes longer. It returns the days that cannot have room any more,
	// because they have too many events already.
	Prepare(ctx context.Context, days []clock.Day) (left []clock.Day, err error)
	// Add adds events with their lines, and returns how many events the log did not have.
	Add(ctx context.Context, events []LoggedEvent, lines []EventLine) (added int64, err error)
	// Get returns an event, or ErrEventNotFound.
	Get(ctx context.Context, event id.ID) (LoggedEvent, error)
	// Find returns up to limit events that match a filter, newest first: by time, then
	// by id. Those after a position are older. Large events are fewer, at least one. more
	// tells whether there are others behind them.
	Find(ctx context.Context, f EventFilter, after *EventPosition, limit int) (found []LoggedEvent, more bool, err error)
	// OfOrder returns up to limit events of an order, oldest first: those with its key,
	// and those of others that it has caused.
	OfOrder(ctx context.Context, order id.ID, limit int) ([]LoggedEvent, error)
	// OfProduct returns up to limit events that count for a product, newest first: those
	// with its key that match the filter, and those with a line that is counted between
	// the times of the filter. Large events are fewer, at least one.
	OfProduct(ctx context.Context, productID int64, f EventFilter, limit int) ([]CountedEvent, error)
	// Purge deletes the oldest day before the one given, or up to limit events that have
	// no room of their own: if they are of such a day, or of none and were logged before,
	// or are of a later one and were logged before it. It returns how many events that were,
	// which may be an estimate, and whether there may be more.
	Purge(ctx context.Context, before clock.Day, limit int) (deleted int64, more bool, err error)
}

// LoggedEvent is an event in the log.
type LoggedEvent struct {
	event.Received
	UserID   *id.ID // the user that the event is about; nil: none
	OrderID  *id.ID // the order that has caused an event of another key; nil: none
	LoggedAt time.Time
}

// EventLine says that an event of an order changes the counters of a product, on the day
// of a time. That may be earlier than the time of the event.
type EventLine struct {
	EventID   id.ID
	ProductID int64
	CountedAt time.Time
}

// CountedEvent is an event with the time at which it is counted.
type CountedEvent struct {
	LoggedEvent
	CountedAt time.Time
}

// EventFilter selects events of the log. Zero fields select all.
type EventFilter struct {
	Types    []string
	Key      string
	UserID   id.ID
	From, To time.Time // of the event; To is excluded
}

// EventPosition is the place of an event among others.
type EventPosition struct {
	Time time.Time `json:"t"`
	ID   id.ID     `json:"i"`
}
