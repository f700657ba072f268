package sqlstore

import "context"

// Notifier notifies the processes that share a database.
type Notifier interface {
	// Listen passes on what other processes announce, until ctx ends. It calls
	// h.Events also after it has lost its connection and has one again, because it
	// may have missed an announcement.
	Listen(ctx context.Context, h Heard) error
	// Announce notifies the other processes of new events in the outbox.
	Announce(ctx context.Context) error
	// AnnounceProducts notifies the other processes of products whose facts have
	// changed.
	AnnounceProducts(ctx context.Context, ids []int64) error
}

// Heard is called with the announcements of other processes.
type Heard struct {
	Events   func()
	Products func(ids []int64)
}

// Committed receives after a commit of this process that appended events to the
// outbox. Signals that are not received yet become one.
func (d *DB) Committed() <-chan struct{} { return d.committed }

// Noticed receives when Listen is notified that another process has appended events
// to the outbox. Signals that are not received yet become one.
func (d *DB) Noticed() <-chan struct{} { return d.noticed }

// Listen signals Noticed, and calls what was given to OnHeard, until ctx ends. Then it
// returns nil. A database of one process has no notifications.
func (d *DB) Listen(ctx context.Context) error {
	return d.parts.Notifier.Listen(ctx, Heard{Events: d.noticed.Notify, Products: d.changes.hear})
}

// Announce notifies the other processes of new events in the outbox. Call it after
// the commit: a transaction with a NOTIFY would make the commits of the PostgreSQL
// server wait for one another.
func (d *DB) Announce(ctx context.Context) error {
	return d.announce(ctx, d.parts.Notifier.Announce)
}

// AnnounceProducts notifies the other processes of products whose facts have changed.
// Call it after the commit, as Announce, on the store that listens: it does not hear
// what it has announced itself.
func (d *DB) AnnounceProducts(ctx context.Context, ids []int64) error {
	return d.announce(ctx, func(ctx context.Context) error { return d.parts.Notifier.AnnounceProducts(ctx, ids) })
}

// announce announces with a connection of the share of this store.
func (d *DB) announce(ctx context.Context, notify func(context.Context) error) error {
	ctx, done := d.within(ctx)
	defer done()
	leave, err := d.share.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return notify(ctx)
}
