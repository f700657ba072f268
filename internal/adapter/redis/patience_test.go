package redis_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// lossy is a connection on which answers of the server are lost.
type lossy struct {
	net.Conn
	left *atomic.Int64
}

func (c lossy) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if left := c.left.Add(-1); left == 0 || left == 1 { // to the call, and to the retry of the client
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// A call whose answer is lost is made again under the same token, although Redis has done
// it: the build goes on.
func TestABuildOutlivesAnswersThatAreLost(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	var left atomic.Int64
	client, err := redis.Open("redis://"+b.Server.Addr(), redis.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return lossy{conn, &left}, err
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	board := redis.NewBoard(redis.NewCaller(client, redis.Patience, time.Now, discard()), "")
	for answers := range int64(8) { // before the one that is lost
		token, err := board.Begin(t.Context(), today(), "me", 0)
		if err == nil {
			left.Store(answers + 2)
			err = board.Fill(t.Context(), today(), token, []ranking.Score{{ProductID: 1, Own: 5, Live: 5, Version: 1}})
		}
		if err == nil {
			err = board.Finish(t.Context(), today(), token, stamp, unwatched)
		}
		if err != nil {
			t.Errorf("after %d answers: %v", answers, err)
		}
		left.Store(0)
	}
	if top, whole, err := board.Top(t.Context(), today(), 0, 5); len(top) != 1 || !whole || err != nil {
		t.Errorf("the board is %v, whole %t, %v", top, whole, err)
	}
}
