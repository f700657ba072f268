package conformance

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// atOnce runs fn n times at the same time, each in an Update of its own, and returns
// how many succeeded. An error other than the expected one fails the test.
func (s *shop) atOnce(n int, expected error, fn func(ctx context.Context, tx store.Tx, i int) error) int64 {
	s.Helper()
	var done atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			err := s.db.Update(s.Context(), func(tx store.Tx) error { return fn(s.Context(), tx, i) })
			switch {
			case err == nil:
				done.Add(1)
			case expected == nil || !errors.Is(err, expected):
				s.Errorf("number %d: %v", i, err)
			}
		})
	}
	close(start)
	all.Wait()
	return done.Load()
}

func raceTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"baskets of opposite order all end, and sell what there is": oppositeBaskets,
		"a wallet is never spent twice":                             walletRace,
		"a like given many times at once is new once":               likeRace,
		"counters and like counts added to at once lose nothing":    counterRace,
		"an event handled at once by many is fresh once":            handledRace,
		"an event marked as new by many at once is marked by one":   newRace,
		"a request sent twice at once has one effect":               requestRace,
	}
}

func oppositeBaskets(s *shop) {
	b := s.brand()
	p, q := s.product(b.ID, 40), s.product(b.ID, 1_000)
	sold := s.atOnce(64, product.ErrInsufficientStock, func(ctx context.Context, tx store.Tx, i int) error {
		ids := []int64{p.ID, q.ID}
		if i%2 == 1 {
			ids = []int64{q.ID, p.ID}
		}
		return s.take(ctx, tx, 1, ids...)
	})
	s.equal([]int64{40, 0, 960}, []int64{sold, s.listing(p.ID).Stock, s.listing(q.ID).Stock})
}

func walletRace(s *shop) {
	u := s.user()
	s.charge(u.ID, 100)
	paid := s.atOnce(32, point.ErrInsufficient, func(ctx context.Context, tx store.Tx, _ int) error {
		return s.spend(ctx, tx, u.ID, 9)
	})
	s.equal([]int64{11, 1}, []int64{paid, int64(s.balance(u.ID))})
}

func likeRace(s *shop) {
	u, p := s.user(), s.product(s.brand().ID, 0)
	var added atomic.Int64
	s.atOnce(64, nil, func(ctx context.Context, tx store.Tx, _ int) error {
		fresh, err := tx.Likes.Add(ctx, like.Like{UserID: u.ID, ProductID: p.ID, At: noon()})
		if fresh {
			added.Add(1)
		}
		return err
	})
	s.equal(int64(1), added.Load())
}

func counterRace(s *shop) {
	b := s.brand()
	p, q := s.product(b.ID, 0), s.product(b.ID, 0)
	s.atOnce(32, nil, func(_ context.Context, tx store.Tx, i int) error {
		deltas := []metric.Counters{{ProductID: p.ID, Day: 20251103, Views: 1}, {ProductID: q.ID, Day: 20251103, Views: 1}}
		if i%2 == 1 {
			deltas[0], deltas[1] = deltas[1], deltas[0]
		}
		tx.Metrics.Add(deltas)
		tx.Likes.AddCounts(map[int64]int64{p.ID: 1, q.ID: 2})
		return nil
	})
	got := read(s, func(ctx context.Context, tx store.Tx) ([]metric.Counters, error) {
		return tx.Metrics.Of(ctx, []int64{p.ID, q.ID}, 20251103, 20251103)
	})
	s.equal([]metric.Counters{
		{ProductID: p.ID, Day: 20251103, Views: 32, Version: 32}, {ProductID: q.ID, Day: 20251103, Views: 32, Version: 32},
	}, got)
	s.equal([]int64{32, 64}, []int64{s.listing(p.ID).LikeCount, s.listing(q.ID).LikeCount})
}

func handledRace(s *shop) {
	events := []id.ID{s.ids(), s.ids(), s.ids()}
	var fresh atomic.Int64
	s.atOnce(32, nil, func(ctx context.Context, tx store.Tx, i int) error {
		got, err := tx.Handled.Mark(ctx, "c", append(events[i%3:], events[:i%3]...), noon())
		fresh.Add(int64(len(got)))
		return err
	})
	s.equal(int64(3), fresh.Load())
}

// All of them mark overlapping sets of events as new, in different orders.
func newRace(s *shop) {
	events := []id.ID{s.ids(), s.ids(), s.ids()}
	marked := s.atOnce(32, store.ErrHandled, func(_ context.Context, tx store.Tx, i int) error {
		tx.Handled.MarkNew("c", append(events[i%3:i%3+1:i%3+1], events[(i+1)%3]), noon())
		return nil
	})
	s.equal(int64(1), marked) // of three pairs of three, any two have one in common
}

func requestRace(s *shop) {
	u := s.user()
	k := store.Key{UserID: u.ID, Route: "POST /points/charge", Key: "k"}
	var effects atomic.Int64
	s.atOnce(16, store.ErrKeyInUse, func(ctx context.Context, tx store.Tx, _ int) error {
		kept, err := tx.Keys.Claim(ctx, k)
		if err != nil || kept != nil {
			return err
		}
		w, err := tx.Points.Lock(ctx, u.ID)
		if err != nil {
			return err
		}
		w, err = w.Receive(10)
		tx.Points.Save(w, point.Entry{ID: s.ids(), UserID: u.ID, Type: point.Charge, Amount: 10, Balance: w.Balance(), At: noon()})
		tx.Keys.Keep(k, store.Answer{Status: 201, At: noon()})
		effects.Add(1)
		return err
	})
	s.equal(int64(10), int64(s.balance(u.ID)))
	if s.claim(k) == nil || effects.Load() == 0 {
		s.Error("no answer was kept")
	}
}
