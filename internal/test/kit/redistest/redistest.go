// Package redistest gives tests a ranking in Redis: on an embedded server, or on the
// real one under a prefix of their own.
package redistest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Board is a ranking with its server.
type Board struct {
	*redis.Board
	Client goredis.UniversalClient
	Prefix string
	// Server is the embedded server; nil if it is the real one.
	Server *miniredis.Miniredis
	T      *testing.T // the test that Each runs
}

// Dump returns all scores of a day's board by product.
func (b Board) Dump(ctx context.Context, day clock.Day) (own, live map[int64]int64, err error) {
	all := map[string]map[int64]int64{"own": {}, "live": {}}
	err = b.Each(ctx, day, func(what string, pid, score int64) error {
		all[what][pid] = score
		return nil
	})
	return all["own"], all["live"], err
}

// Embedded starts a server in this process. Its keys expire by its own clock.
func Embedded(tb testing.TB, now clock.Clock) Board {
	tb.Helper()
	server := miniredis.NewMiniRedis()
	server.SetTime(now())
	if err := server.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(server.Close)
	b := open(tb, "redis://"+server.Addr(), "", now)
	b.Server = server
	return b
}

// Real uses the server of TEST_REDIS_URL, under a prefix whose keys are deleted when the
// test ends.
func Real(tb testing.TB, now clock.Clock) Board {
	tb.Helper()
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		tb.Fatal("TEST_REDIS_URL is not set: run `make services` and use `make test`")
	}
	name := strings.NewReplacer("/", ".", "{", "", "}", "", "*", "").Replace(tb.Name())
	b := open(tb, url, fmt.Sprintf("test:%s:%s:", name, rand.Text()), now)
	tb.Cleanup(func() { sweep(tb, b) })
	return b
}

// On uses the servers of an address.
func On(tb testing.TB, url string, now clock.Clock) Board {
	tb.Helper()
	return open(tb, url, "", now)
}

// Each runs the test on both servers.
func Each(t *testing.T, now clock.Clock, test func(b Board)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		b := Embedded(t, now)
		b.T = t
		test(b)
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		b := Real(t, now)
		b.T = t
		test(b)
	})
}

// timeout is long, for busy machines.
const timeout = 20 * time.Second

func open(tb testing.TB, url, prefix string, now clock.Clock) Board {
	tb.Helper()
	client, err := redis.Open(url, redis.WithTimeout(timeout))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	board := redis.NewBoard(redis.NewCaller(client, timeout, now, slog.New(slog.DiscardHandler)), prefix)
	return Board{Board: board, Client: client, Prefix: prefix}
}

func sweep(tb testing.TB, b Board) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context()) // which has ended before the cleanups
	keys, err := b.Client.Keys(ctx, b.Prefix+"*").Result()
	if err != nil {
		tb.Errorf("sweep: %v", err)
		return
	}
	if len(keys) > 0 {
		b.Client.Unlink(ctx, keys...)
	}
}
