package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

func rebuildTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"rebuilds come back as they were made, newest first":    rebuildsInOrder,
		"of two rebuilds with one id the second is refused":     rebuildsRace,
		"products whose likes and like counts differ are found": likedDiffers,
	}
}

func someRebuild(n int64) metric.Rebuild {
	return metric.Rebuild{
		ID: n, At: noon().Add(time.Duration(n) * time.Second), Actor: "mina", Reason: "카프카가 지웠다", Day: 20251103, Products: n,
		Added: metric.Counters{Day: 20251103, Likes: -n, Orders: n, Quantity: 2 * n, Amount: 3_000, AmountLog: -4 * n}, Counts: -n,
	}
}

func (s *shop) rebuilds(limit int) []metric.Rebuild {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]metric.Rebuild, error) {
		return tx.Rebuilds.Latest(ctx, limit)
	})
}

func rebuildsInOrder(s *shop) {
	s.equal(0, len(s.rebuilds(10)))
	for n := range int64(3) {
		s.update(func(_ context.Context, tx store.Tx) error { tx.Rebuilds.Add(someRebuild(n + 1)); return nil })
	}
	s.equal([]metric.Rebuild{someRebuild(3), someRebuild(2)}, s.rebuilds(2))
}

func rebuildsRace(s *shop) {
	s.update(func(_ context.Context, tx store.Tx) error { tx.Rebuilds.Add(someRebuild(1)); return nil })
	s.refuses(metric.ErrRebuilt, func(_ context.Context, tx store.Tx) error {
		tx.Rebuilds.Add(someRebuild(1))
		tx.Metrics.Add([]metric.Counters{{ProductID: 1, Day: 20251103, Orders: 1}})
		return nil
	})
	s.equal(1, len(s.rebuilds(10)))
}

func likedDiffers(s *shop) {
	b, u, v := s.brand(), s.user(), s.user()
	day := clock.DayOf(noon())
	right, shown, counted, none := s.product(b.ID, 1), s.product(b.ID, 1), s.product(b.ID, 1), s.product(b.ID, 1)
	for _, p := range []int64{right.ID, shown.ID, counted.ID} {
		s.like(u.ID, p, noon())
		s.like(v.ID, p, noon().Add(48*time.Hour))
	}
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Likes.AddCounts(map[int64]int64{right.ID: 2, shown.ID: 1, counted.ID: 2, none.ID: 1})
		tx.Metrics.Add([]metric.Counters{
			{ProductID: right.ID, Day: day, Likes: 2}, {ProductID: shown.ID, Day: day, Likes: 2}, {ProductID: counted.ID, Day: day, Likes: 3},
		})
		return nil
	})
	got := read(s, func(ctx context.Context, tx store.Tx) (found []store.Liked, err error) {
		err = tx.Sales.Liked(ctx, day.Add(1), func(l store.Liked) error { found = append(found, l); return nil })
		return found, err
	})
	s.equal([]store.Liked{
		{ProductID: shown.ID, Likes: 2, Shown: 1, Counted: 2, Newest: noon()},
		{ProductID: counted.ID, Likes: 2, Shown: 2, Counted: 3, Newest: noon()},
		{ProductID: none.ID, Shown: 1},
	}, got)
}
