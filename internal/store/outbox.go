package store

import (
	"context"
	"time"
)

// Queue is the events of one partition of a topic. The relay passes over a queue that
// Kafka does not take.
type Queue struct {
	Topic  string
	Bucket int // the partition, in a topic of event.Partitions
}

// OutboxRead says which events to read, oldest first.
type OutboxRead struct {
	Lanes []int
	After int64 // only events with a higher number
	// Queues are the queues to read; nil: all of them. Events without a bucket belong to
	// every queue of their topic, because they may be of any.
	Queues []Queue
	Limit  int
}

// QueuedEvent is an event of the outbox as the relay reads it.
type QueuedEvent struct {
	OutboxRecord

	Lane   int
	Bucket *int // nil if a program of the version before wrote it
	Behind bool // an earlier event of its key is set aside
}

// OutboxPage is what one statement has read.
type OutboxPage struct {
	Events []QueuedEvent
	// Oldest and Next are numbers of transactions. When the events were read, all before
	// Oldest had ended, and none from Next on had. Both are 0 without events.
	Oldest, Next int64
}

// Backlog is what waits in the outbox.
type Backlog struct {
	Waiting int64     // exact up to BacklogExact, an estimate above
	Oldest  time.Time // when the oldest event happened that is not held; zero if there is none
}

// BacklogExact is up to how many events a backlog is counted.
const BacklogExact = 10_000

// OutboxQueues is the outbox as the relay sees it. Events that are held are not in it.
type OutboxQueues interface {
	// Read returns the oldest events of some lanes and queues.
	Read(ctx context.Context, r OutboxRead) (OutboxPage, error)
	// SetBuckets queues the buckets of events that have none.
	SetBuckets(events []QueuedEvent)
	// Measure returns the backlog after a number. Its cost is bounded, whatever waits.
	Measure(ctx context.Context, after int64) (Backlog, error)
}

// SetAside is a key whose first event cannot be sent as it is. The event and all later
// ones of the key are held: they stay in the outbox, and the relay does not see them.
type SetAside struct {
	OutboxRecord // without its data

	Lane     int
	Bytes    int64 // of the data
	State    SetAsideState
	Reason   string // why it cannot be sent
	Attempts int
	Since    time.Time // when it was set aside first
	TriedAt  time.Time // the last attempt
}

// SetAsideState is what happens to a key with an event that was set aside.
type SetAsideState string

// The states.
const (
	Waits   SetAsideState = "SET_ASIDE" // for an operator
	Retried SetAsideState = "RETRY"     // the relay sends what is held, and then forgets the key
)

// Discard is why an operator gives up an event.
type Discard struct {
	Actor, Reason string
	At            time.Time
}

// SetAsideTable stores which keys have an event that cannot be sent.
type SetAsideTable interface {
	// All returns the keys, in the order of their events. The event of a key that was
	// discarded is empty but for its topic, key and number.
	All(ctx context.Context) ([]SetAside, error)
	// Behind returns how many events wait behind the first of a key.
	Behind(ctx context.Context, a SetAside) (int64, error)
	// Put sets an event aside. A key that has been set aside before keeps its time.
	Put(ctx context.Context, a SetAside) error
	// Hold holds events that were read as Behind.
	Hold(ctx context.Context, events []QueuedEvent) error
	// Held returns the oldest events of a key that are held.
	Held(ctx context.Context, a SetAside, limit int) ([]OutboxRecord, error)
	// Forget forgets a key of which no event is held any more.
	Forget(ctx context.Context, a SetAside) error
	// Release lets the relay try again to send the event with this number, which must
	// wait, and all that is held behind it; with a discard, only what is behind it. It
	// reports whether there is such an event.
	Release(ctx context.Context, seq int64, d *Discard) (bool, error)
}
