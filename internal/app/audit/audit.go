// Package audit keeps every event, and tells what happened: to an order from its first
// event to its last, or in the whole shop.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Service keeps events and finds them. It is safe for concurrent use, by many programs
// at once.
type Service struct {
	db   store.DB
	now  clock.Clock
	days *store.Days

	added, repeated atomic.Int64
}

// daysBack is how many days before today are prepared: an event that is older is in a
// replay.
const daysBack = 366

// New returns a service.
func New(db store.DB, now clock.Clock, log *slog.Logger) *Service {
	return &Service{db: db, now: now, days: store.NewDays(db, now, log, store.DaysConfig{
		What: "make the partitions of the event log", Back: daysBack,
		Prepare: func(ctx context.Context, tx store.Tx, days []clock.Day) ([]clock.Day, error) {
			return tx.Events.Prepare(ctx, days)
		},
	})}
}

// Handle keeps events. One that is kept already is left as it is, so a batch may be
// handled again, as a whole or in parts. Order does not matter: each event is a row, and
// readers sort them. If an event cannot be kept, the error is event.ErrUnreadable, and
// none of the batch has been kept.
func (s *Service) Handle(ctx context.Context, batch []event.Received) error {
	if len(batch) == 0 {
		return nil
	}
	events, lines, err := s.entries(batch)
	if err != nil {
		return err
	}
	s.days.Prepare(ctx, idsOf(events))
	var added int64
	err = s.db.Update(ctx, func(tx store.Tx) (err error) {
		added, err = tx.Events.Add(ctx, events, lines)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep %d events: %w", len(events), err)
	}
	s.added.Add(added)
	s.repeated.Add(int64(len(events)) - added)
	return nil
}

// idsOf yields the ids of events.
func idsOf(events []store.LoggedEvent) iter.Seq[id.ID] {
	return func(yield func(id.ID) bool) {
		for _, e := range events {
			if !yield(e.ID) {
				return
			}
		}
	}
}

// Kept returns how many events were kept, and how many had been kept before.
func (s *Service) Kept() (added, repeated int64) { return s.added.Load(), s.repeated.Load() }

// entries returns what the log keeps of events.
func (s *Service) entries(batch []event.Received) (events []store.LoggedEvent, lines []store.EventLine, err error) {
	at := s.now()
	events = make([]store.LoggedEvent, len(batch))
	for i, e := range batch {
		if err := checkText(e.Envelope); err != nil {
			return nil, nil, err
		}
		f := factsOf(e.Data)
		events[i] = store.LoggedEvent{Received: e, UserID: f.user(), OrderID: f.cause(e.Key), LoggedAt: at}
		events[i].Data = asJSON(e.Data)
		lines = append(lines, f.lines(e.ID)...)
	}
	return events, lines, nil
}

// longestText bounds the texts that the log finds events by. An index of PostgreSQL holds
// 2,704 bytes of an entry.
const longestText = 1_000

// checkText returns event.ErrUnreadable for an envelope with text that a database cannot
// store.
func checkText(v event.Envelope) error {
	for _, text := range []string{v.Type, v.Source, v.Key, v.Traceparent} {
		if len(text) > longestText {
			return fmt.Errorf("%w: a text has %d bytes, more than %d: %.40q", event.ErrUnreadable, len(text), longestText, text)
		}
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return fmt.Errorf("%w: %q is no text", event.ErrUnreadable, text)
		}
	}
	return nil
}

// asJSON returns data that is JSON as it is. Other data becomes a JSON string: nobody
// could read the event, but the log shows it.
func asJSON(data []byte) []byte {
	if utf8.Valid(data) && json.Valid(data) {
		return data
	}
	quoted, _ := json.Marshal(string(data)) // a string always has a JSON form
	return quoted
}
