package deadletter

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Table keeps letters.
type Table interface {
	// Index queues a letter that was found in a dead-letter topic. If there is one with
	// the same identity, it is new again, with the place, the cause and the attempts of
	// this one, but only if the record was replayed since it failed last: a record that
	// is read again, or is in the topic twice, changes nothing.
	Index(l Letter)
	// Find returns up to limit letters that match a filter and have a lower id than
	// before, highest first, without their contents. The zero id means the beginning.
	Find(ctx context.Context, f Filter, before id.ID, limit int) ([]Letter, error)
	// Next returns up to limit letters that match a filter and come after a position,
	// with their contents, in the order of their origins: letters with the same key are
	// in the order in which their records were written. Large ones are fewer, at least one.
	Next(ctx context.Context, f Filter, after Position, limit int) ([]Letter, error)
	// Lock locks letters and returns them as they are now, without their contents.
	Lock(ctx context.Context, letters []id.ID) ([]Letter, error)
	// Save queues what an action has changed of a letter that is locked, and the action.
	Save(l Letter, a Action)
	// Summaries returns one line for each state that has letters.
	Summaries(ctx context.Context) ([]Summary, error)
	// Purge deletes up to limit letters that are not new and were changed before a time,
	// with their actions.
	Purge(ctx context.Context, before time.Time, limit int) (deleted int64, err error)
}

// ActionTable keeps what operators did about letters.
type ActionTable interface {
	// Of returns the actions about a letter, oldest first.
	Of(ctx context.Context, letter id.ID) ([]Action, error)
}

// Action is something that an operator did about a letter.
type Action struct {
	What   State // Replayed or Discarded
	At     time.Time
	Actor  string
	Reason string
	Run    id.ID // of the job that did it; zero if it was no job
}

// Filter selects letters. A zero field selects all.
type Filter struct {
	ID           id.ID
	State        State
	Topic        string // of the origin
	Group        string
	Type         string
	Key          string
	EventID      id.ID
	Error        string    // a part of the cause or of the message, in any case
	Since, Until time.Time // of the last death; until is exclusive
}

// Position is the place of a letter in the order of Next. The zero Position is before all.
type Position struct {
	Group  string `json:"group"`
	Origin Place  `json:"origin"`
	ID     id.ID  `json:"id"`
}

// PositionOf returns the position of a letter.
func PositionOf(l Letter) Position { return Position{l.Group, l.Origin, l.ID} }

// Summary counts the letters of a state.
type Summary struct {
	State   State
	Letters int64
	Replays int64
	// Expires is when Kafka deletes the first of their records; nil if that is not known.
	Expires *time.Time
	Oldest  time.Time // the first death
}
