// Package deadletter has the records that a consumer group could not process: where they
// come from, why they failed, and what operators did about them.
package deadletter

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// State says what became of a letter.
type State string

// The states. A letter whose record fails again after a replay is new again.
const (
	New       State = "NEW"       // nobody has done anything about it
	Replayed  State = "REPLAYED"  // its record was sent to its group again
	Discarded State = "DISCARDED" // somebody decided that it is not needed
)

// States returns all states.
func States() []State { return []State{New, Replayed, Discarded} }

// Place is the place of a record in Kafka. The topic is named without prefix. Partition
// and offset are -1 if they are not known.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String returns the place as topic/partition/offset.
func (p Place) String() string { return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset) }

// Letter is one record that one group could not process, however often it was tried and
// replayed. All of its texts can be stored and printed, whatever bytes the record has.
type Letter struct {
	ID     id.ID
	At     Place     // in the dead-letter topic, where it was written last
	DeadAt time.Time // when it was written there last
	// ExpiresAt is when Kafka deletes that record; nil if that is not known, or never.
	ExpiresAt *time.Time
	Origin    Place      // of the record that could not be processed
	OriginAt  *time.Time // the timestamp of that record; nil if it is not known
	Group     string     // that could not process it, without prefix; empty if it is not known
	Key       string
	EventID   id.ID // zero if it cannot be read
	Type      string
	Cause     string
	Message   string
	Attempts  int // how often the record was tried, since its last replay

	// Content is what the record has. Nil: it is not kept, or was not read.
	Content *Content
	Size    int64 // of the record, in bytes

	State     State
	Replays   int // how often the record was sent again
	Failures  int // how often it had been sent again when it failed last
	Actor     string
	Reason    string
	ChangedAt time.Time // of the state
}

// Content is the content of a record as it was before it failed.
type Content struct {
	Key, Value []byte // nil is not the same as empty
	Headers    []Header
}

// Header is a header of a record.
type Header struct {
	Name  string
	Value []byte
}

// MaxContent is the size of the largest record whose content is kept. Of a larger one
// the letter has the places only.
const MaxContent = 256 << 10

// MaxReplays bounds the number of replays of a letter.
const MaxReplays = 1_000_000

// Empty reports whether nothing is left of a record: it was too large for Kafka to be
// written a second time.
func (c *Content) Empty() bool { return len(c.Key) == 0 && len(c.Value) == 0 && len(c.Headers) == 0 }

// Identity names the record of the letter for its group. It stays the same when the
// record is replayed and fails again, so the letter stays one line. The time and the event
// tell records apart that had the same place in a topic that was made again.
func (l Letter) Identity() string {
	if l.Group == "" || l.Origin.Offset < 0 {
		return fmt.Sprintf("at/%s/%d", l.At, l.DeadAt.UnixMilli())
	}
	var at int64
	if l.OriginAt != nil {
		at = l.OriginAt.UnixMilli()
	}
	return fmt.Sprintf("%s/%s/%d/%s", l.Group, l.Origin, at, l.EventID)
}

// Bare returns the letter without anything that was read from the record: places, times
// and group are left. It is for a letter that the database refuses.
func (l Letter) Bare() Letter {
	l.Key, l.Type, l.Message, l.Content = "", "", "", nil
	return l
}

// Errors of letters.
var (
	ErrNotFound      = fault.New(fault.NotFound, "DEAD_LETTER_NOT_FOUND", "there is no such dead letter")
	ErrNotReplayable = fault.New(fault.Conflict, "NOT_REPLAYABLE", "the dead letter cannot be replayed")
	ErrNotNew        = fault.New(fault.Conflict, "DEAD_LETTER_NOT_NEW", "the dead letter is not new any more")
	ErrTooOld        = fault.New(fault.Conflict, "DEAD_LETTER_TOO_OLD",
		"by its id the event is older than 29 days: if it was counted, that may be forgotten, and it would count twice; ask for old events to replay it all the same")
)

// ReplayWithin is how old an event may be when it is replayed. Groups remember for 30 days
// which events they have counted. An older event could be counted twice.
const ReplayWithin = 29 * 24 * time.Hour

// Replayable returns ErrNotReplayable with the reason why the letter cannot be sent to its
// group, or nil.
func (l Letter) Replayable() error {
	switch {
	case !slices.Contains(event.Groups(), l.Group):
		return ErrNotReplayable.Because("it does not say which group could not process it: %q is none of the shop's", l.Group)
	case !slices.Contains(event.Topics(), l.Origin.Topic):
		return ErrNotReplayable.Because("it does not come from a topic of the shop, but from %q", l.Origin.Topic)
	case l.Content == nil:
		return ErrNotReplayable.Because("its record has %d bytes, more than are kept: it is at %s", l.Size, l.At)
	case l.Content.Empty():
		return ErrNotReplayable.Because("its record was too large to be kept: it is at %s", l.Origin)
	}
	return nil
}

// CheckAge returns ErrTooOld if groups may have forgotten whether they have counted the
// event. It goes by the time in the event's id, as they do.
func (l Letter) CheckAge(now time.Time) error {
	oldest := id.Floor(now.Add(-ReplayWithin))
	if !l.EventID.IsZero() && bytes.Compare(l.EventID[:], oldest[:]) < 0 {
		return ErrTooOld
	}
	return nil
}

// Replay returns the letter as it is once its record was sent again.
func (l Letter) Replay(actor, reason string, at time.Time) Letter {
	l.State, l.Actor, l.Reason, l.ChangedAt = Replayed, actor, reason, at
	l.Replays++
	return l
}

// Discard returns the letter as it is once somebody has decided that it is not needed.
func (l Letter) Discard(actor, reason string, at time.Time) Letter {
	l.State, l.Actor, l.Reason, l.ChangedAt = Discarded, actor, reason, at
	return l
}
