package sqlstore

import "context"

// Notifier tells the processes that share a database of new events in the outbox.
type Notifier interface {
	// Listen calls ring whenever another process announces, until ctx ends. It
	// also rings when it has lost its connection and has one again.
	Listen(ctx context.Context, ring func()) error
	Announce(ctx context.Context) error
}

// Committed is signalled after a commit of this process that put events into
// the outbox. Signals that nobody waits for become one.
func (d *DB) Committed() <-chan struct{} { return d.committed }

// Noticed is signalled when Listen hears that another process has put events
// into the outbox. Signals that nobody waits for become one.
func (d *DB) Noticed() <-chan struct{} { return d.noticed }

// Listen signals Noticed until ctx ends, and then returns nil. Where a
// database belongs to one process there is nothing to hear.
func (d *DB) Listen(ctx context.Context) error {
	return d.parts.Bell.Listen(ctx, func() { d.noticed.Notify() })
}

// Announce tells the other processes of new events in the outbox. It is
// called after the commit, never inside: a NOTIFY makes all commits of a
// PostgreSQL server wait for one another.
func (d *DB) Announce(ctx context.Context) error { return d.parts.Bell.Announce(ctx) }
