package failover_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/compare"
)

// Four customers buy while the primary is killed, and the standby is promoted. The programs
// have both addresses, and find the new primary by themselves.
func TestAFailoverLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	s := openServer(t)
	b := s.addStandby()
	address := "DATABASE_URL=" + s.url(s.port, b.port) + "&target_session_attrs=read-write"
	s.start(address)
	s.admit(4)
	l := s.load()
	l.await(20)
	if err := s.server.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.promote()
	l.await(20)
	l.stop()
	t.Logf("while the primary was replaced, no order was answered for %v", l.longestPause().Round(10*time.Millisecond))
	s.awaitReady()
	var want []string
	for _, orders := range l.placed {
		want = append(want, orders...)
	}
	compare.Lines(t, "orders", want, s.db.Column(t.Context(), `SELECT id::text FROM orders`))
	s.verify(address)
}

// load is customers that buy one thing after the other. A request that has no answer, or
// 503, is sent again with the same key.
type load struct {
	*shop

	placed   [][]string // the orders that were answered, by customer
	answered atomic.Int64
	times    chan time.Time
	end      chan struct{}
	all      sync.WaitGroup
}

func (s *shop) load() *load {
	l := &load{shop: s, placed: make([][]string, len(s.customers)), end: make(chan struct{}), times: make(chan time.Time, 100_000)}
	for i, customer := range s.customers {
		l.all.Go(func() {
			for n := 0; !l.ended(); n++ {
				l.buy(i, apiclient.Buy(s.products[n%len(s.products)], 1).Request(customer, fmt.Sprint(customer, "-", n)))
			}
		})
	}
	return l
}

func (l *load) ended() bool {
	select {
	case <-l.end:
		return true
	default:
		return false
	}
}

// buy sends a request until it is answered.
func (l *load) buy(i int, q apiclient.Request) {
	for l.Context().Err() == nil {
		got, err := l.api.Client().Do(l.Context(), q)
		switch {
		case err == nil && got.Status == http.StatusCreated:
			var o apiclient.Order
			if err := got.Decode(&o); err != nil {
				l.Error(err)
			}
			l.placed[i] = append(l.placed[i], o.ID)
			l.answered.Add(1)
			l.times <- time.Now()
			return
		case err == nil && got.Status == http.StatusConflict && got.Code() == "INSUFFICIENT_STOCK":
			return
		case err == nil && got.Status != http.StatusServiceUnavailable && got.Code() != "IDEMPOTENCY_KEY_IN_USE":
			l.Errorf("%s: %v", q.Key, got)
			return
		}
		time.Sleep(20 * time.Millisecond) // a person would wait for longer
	}
}

// await waits until as many more orders are answered.
func (l *load) await(more int64) {
	l.Helper()
	before := l.answered.Load()
	cluster.Eventually(l.T, 2*patience, "orders are answered", func() error {
		if n := l.answered.Load() - before; n < more {
			return fmt.Errorf("%d of %d", n, more)
		}
		return nil
	})
}

func (l *load) stop() {
	close(l.end)
	l.all.Wait()
}

// longestPause returns the longest time between two answers. All customers have stopped.
func (l *load) longestPause() (longest time.Duration) {
	close(l.times)
	last := <-l.times
	for answered := range l.times {
		longest, last = max(longest, answered.Sub(last)), answered
	}
	return longest
}
