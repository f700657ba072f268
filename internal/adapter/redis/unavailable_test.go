package redis_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

func TestAServerThatIsDownIsErrUnavailable(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	b.Server.Close()
	_, _, err := b.Top(t.Context(), today(), 0, 10)
	if !errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("%v is not ErrAway", err)
	}
	if err := b.Set(t.Context(), today(), 0, []ranking.Score{{ProductID: 1}}); !errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("%v is not ErrAway", err)
	}
}

func TestTheBoardReconnectsToTheServer(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := redistest.Embedded(t, func() time.Time { return now })
	b.Server.Close()
	for range 3 {
		if _, err := b.Rank(t.Context(), today(), 1); !errors.Is(err, redis.ErrUnavailable) {
			t.Fatalf("%v is not ErrAway", err)
		}
	}
	if err := b.Server.Restart(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	for { // the first call is refused, and has Redis asked
		_, err := b.Rank(t.Context(), today(), 1)
		if err == nil {
			break
		}
		if !errors.Is(err, redis.ErrUnavailable) || !backoff.Wait(t.Context(), time.Millisecond) {
			t.Fatal(err)
		}
	}
}

func TestABadAddressIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := redis.Open("http://127.0.0.1"); err == nil {
		t.Error("an address of another scheme was accepted")
	}
}

// A server that accepts connections and never answers is worse than none: each call
// waits for its timeout, unless the breaker is open.
func TestAServerThatNeverAnswersDelaysOneCallOnly(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := redis.Open("redis://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	now := time.Now()
	b := redis.NewBoard(redis.NewCaller(client, redis.Patience, func() time.Time { return now }, discard()), "")
	for i, most := range []time.Duration{time.Second, 50 * time.Millisecond, 50 * time.Millisecond} {
		began := time.Now()
		if _, _, err := b.Top(t.Context(), today(), 0, 10); !errors.Is(err, redis.ErrUnavailable) {
			t.Errorf("%v is not ErrAway", err)
		}
		took := time.Since(began)
		if took > most {
			t.Errorf("call %d took %v", i, took)
		}
	}
}

// A customer's reads do not wait for a slow Redis; writes of scores do. Catalog and board
// share what they find out.
func TestASlowServerIsUsedByBackgroundWorkOnly(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	var slow atomic.Bool
	client, err := redis.Open("redis://"+b.Server.Addr(), redis.WithTimeout(time.Minute), redis.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return distant{conn, &slow}, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	calls := redis.NewCaller(client, time.Millisecond, time.Now, discard())
	board, catalog := redis.NewBoard(calls, ""), redis.NewCatalog(calls, "", ids(), func() float64 { return 0.5 })
	if _, _, err := board.Top(t.Context(), today(), 0, 5); err != nil {
		t.Fatal(err)
	}
	slow.Store(true)
	if _, _, err := board.Top(t.Context(), today(), 0, 5); !errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("a customer has waited for a slow server (%v)", err)
	}
	for range 3 {
		if _, err := catalog.Details(t.Context(), []int64{1}); !errors.Is(err, redis.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("another customer has asked a slow server (%v)", err)
		}
	}
	if err := board.Set(t.Context(), today(), 0, []ranking.Score{{ProductID: 1, Own: 1, Live: 1, Version: 1}}); err != nil {
		t.Errorf("background work does not wait for a slow server: %v", err)
	}
	slow.Store(false)
	for {
		_, err := catalog.Details(t.Context(), []int64{1})
		if err == nil {
			break
		}
		if !errors.Is(err, redis.ErrUnavailable) || !backoff.Wait(t.Context(), time.Millisecond) {
			t.Fatal(err)
		}
	}
}

// distant is a connection to a server that is far away at times.
type distant struct {
	net.Conn
	slow *atomic.Bool
}

func (c distant) Read(p []byte) (int, error) {
	if c.slow.Load() {
		time.Sleep(2 * redis.MostPatience) // the distance: this is no wait for something
	}
	return c.Conn.Read(p)
}
