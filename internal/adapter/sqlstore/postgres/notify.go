package postgres

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// notifier is NOTIFY and LISTEN on a channel of the schema's own: shops that share
// a database do not wake one another. Names of schemas may be as long as those
// of channels, hence the hash.
type notifier struct {
	pool   *pgxpool.Pool
	random backoff.Random
	log    *slog.Logger
}

const channel = `'commerce_' || md5(COALESCE(current_schema(), ''))`

// Announce implements sqlstore.Bell.
func (b *notifier) Announce(ctx context.Context) error {
	_, err := b.pool.Exec(ctx, `SELECT pg_notify(`+channel+`, '')`)
	return err
}

// How long to wait before a lost connection is tried again.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
)

// Listen implements sqlstore.Bell.
func (b *notifier) Listen(ctx context.Context, ring func()) error {
	waits := backoff.New(firstWait, lastWait, b.random)
	for {
		err := b.listen(ctx, func() {
			waits.Reset()
			ring()
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // to end was what it was told
		}
		b.log.WarnContext(ctx, "no longer hear of other processes' events; will poll until I do", "error", err)
		if !backoff.Wait(ctx, waits.Next()) {
			return nil
		}
	}
}

// listen rings once it hears, for what was announced before, and then whenever
// it hears something, until the connection is lost.
func (b *notifier) listen(ctx context.Context, ring func()) error {
	c, err := pgx.ConnectConfig(ctx, b.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(end) // it is being given up anyway
	}()
	var name string
	if err := c.QueryRow(ctx, `SELECT `+channel).Scan(&name); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, `LISTEN `+pgx.Identifier{name}.Sanitize()); err != nil {
		return err
	}
	for {
		ring()
		if _, err := c.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}
