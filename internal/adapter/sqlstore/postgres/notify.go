package postgres

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// notifier uses NOTIFY and LISTEN on two channels of the schema, one for events and one
// for products, so that shops in one database do not wake one another. The name of a
// channel is a hash, because a name with the schema in it could be too long.
type notifier struct {
	pool   *pgxpool.Pool
	direct *pgx.ConnConfig // to listen with; nil: only through a pooler, which passes nothing on
	self   string          // begins the announcements of products, so that nobody hears their own
	random backoff.Random
	log    *slog.Logger
}

const (
	channel        = `'commerce_' || md5(COALESCE(current_schema(), ''))`
	productChannel = channel + ` || '_products'`
)

// Announce implements sqlstore.Notifier.
func (n *notifier) Announce(ctx context.Context) error {
	_, err := n.pool.Exec(ctx, `SELECT pg_notify(`+channel+`, '')`)
	return err
}

// announcedAtOnce is how many ids of products one notification has: it has 8,000 bytes at
// most.
const announcedAtOnce = 300

// AnnounceProducts implements sqlstore.Notifier.
func (n *notifier) AnnounceProducts(ctx context.Context, ids []int64) error {
	for part := range slices.Chunk(ids, announcedAtOnce) {
		var text strings.Builder
		text.WriteString(n.self)
		for _, pid := range part {
			text.WriteByte(' ')
			text.WriteString(strconv.FormatInt(pid, 10))
		}
		if _, err := n.pool.Exec(ctx, `SELECT pg_notify(`+productChannel+`, $1)`, text.String()); err != nil {
			return err
		}
	}
	return nil
}

// announced returns the ids of an announcement of products. It skips what is not one:
// anybody who may connect may also notify.
func (n *notifier) announced(payload string) (ids []int64) {
	words := strings.Fields(payload)
	if len(words) == 0 || words[0] == n.self {
		return nil
	}
	for _, word := range words[1:] {
		if pid, err := strconv.ParseInt(word, 10, 64); err == nil {
			ids = append(ids, pid)
		}
	}
	return ids
}

// The waits before a lost connection is opened again.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
)

// Listen implements sqlstore.Notifier.
func (n *notifier) Listen(ctx context.Context, h sqlstore.Heard) error {
	if n.direct == nil {
		<-ctx.Done()
		return nil
	}
	waits := backoff.New(firstWait, lastWait, n.random)
	events := h.Events
	h.Events = func() {
		waits.Reset()
		events()
	}
	for {
		err := n.listen(ctx, h)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the caller has ended ctx
		}
		n.log.WarnContext(ctx, "lost the connection for notifications; what other processes change is found by polling meanwhile", "error", err)
		if !backoff.Wait(ctx, waits.Next()) {
			return nil
		}
	}
}

// subscribe has a connection listen, and returns the channel of events.
func subscribe(ctx context.Context, c *pgx.Conn) (events string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var products string
	if err := c.QueryRow(ctx, `SELECT `+channel+`, `+productChannel).Scan(&events, &products); err != nil {
		return "", err
	}
	for _, name := range []string{events, products} {
		if _, err := c.Exec(ctx, `LISTEN `+pgx.Identifier{name}.Sanitize()); err != nil {
			return "", err
		}
	}
	return events, nil
}

// listen passes on notifications until the connection is lost. Once it listens, it calls
// h.Events for earlier ones.
func (n *notifier) listen(ctx context.Context, h sqlstore.Heard) error {
	c, err := pgx.ConnectConfig(ctx, n.direct)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(end) // an error does not matter: the connection is not used again
	}()
	events, err := subscribe(ctx, c)
	if err != nil {
		return err
	}
	h.Events()
	for {
		heard, err := c.WaitForNotification(ctx)
		switch {
		case err != nil:
			return err
		case heard.Channel == events:
			h.Events()
		default:
			if ids := n.announced(heard.Payload); len(ids) > 0 {
				h.Products(ids)
			}
		}
	}
}
