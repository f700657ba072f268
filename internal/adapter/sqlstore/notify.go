package sqlstore

import "context"

// Notifier notifies the processes that share a database of new events in the
// outbox.
type Notifier interface {
	// Listen calls notify for each announcement of another process, until ctx
	// ends. It also calls notify after it has lost its connection and has one
	// again, because it may have missed an announcement.
	Listen(ctx context.Context, notify func()) error
	// Announce notifies the other processes.
	Announce(ctx context.Context) error
}

// Committed receives after a commit of this process that appended events to the
// outbox. Signals that are not received yet become one.
func (d *DB) Committed() <-chan struct{} { return d.committed }

// Noticed receives when Listen is notified that another process has appended events
// to the outbox. Signals that are not received yet become one.
func (d *DB) Noticed() <-chan struct{} { return d.noticed }

// Listen signals Noticed until ctx ends, and then returns nil. A database of one
// process has no notifications.
func (d *DB) Listen(ctx context.Context) error {
	return d.parts.Notifier.Listen(ctx, d.noticed.Notify)
}

// Announce notifies the other processes of new events in the outbox. Call it after
// the commit: a transaction with a NOTIFY would make the commits of the PostgreSQL
// server wait for one another.
func (d *DB) Announce(ctx context.Context) error { return d.parts.Notifier.Announce(ctx) }
