package redis_test

import (
	"errors"
	"net"
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
	b := redis.NewBoard(client, "", func() time.Time { return now }, discard())
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
