package postgres

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// notifier uses NOTIFY and LISTEN on a channel of the schema, so that shops in one
// database do not wake one another. The name of the channel is a hash, because a
// name with the schema in it could be too long.
type notifier struct {
	pool   *pgxpool.Pool
	random backoff.Random
	log    *slog.Logger
}

const channel = `'commerce_' || md5(COALESCE(current_schema(), ''))`

// Announce implements sqlstore.Notifier.
func (n *notifier) Announce(ctx context.Context) error {
	_, err := n.pool.Exec(ctx, `SELECT pg_notify(`+channel+`, '')`)
	return err
}

// The waits before a lost connection is opened again.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
)

// Listen implements sqlstore.Notifier.
func (n *notifier) Listen(ctx context.Context, notify func()) error {
	waits := backoff.New(firstWait, lastWait, n.random)
	for {
		err := n.listen(ctx, func() {
			waits.Reset()
			notify()
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the caller has ended ctx
		}
		n.log.WarnContext(ctx, "lost the connection for notifications; events of other processes are found by polling meanwhile", "error", err)
		if !backoff.Wait(ctx, waits.Next()) {
			return nil
		}
	}
}

// listen calls notify once it listens, for earlier announcements, and then for each
// notification, until the connection is lost.
func (n *notifier) listen(ctx context.Context, notify func()) error {
	c, err := pgx.ConnectConfig(ctx, n.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(end) // an error does not matter: the connection is not used again
	}()
	var name string
	if err := c.QueryRow(ctx, `SELECT `+channel).Scan(&name); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, `LISTEN `+pgx.Identifier{name}.Sanitize()); err != nil {
		return err
	}
	for {
		notify()
		if _, err := c.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
