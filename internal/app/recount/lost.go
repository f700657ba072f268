package recount

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

// lost is what a snapshot lacks.
type lost struct {
	day    clock.Day
	before metric.Counters // the sum of what is there
	deltas []metric.Counters
	counts map[int64]int64 // of like counts
	moving int64
	last   int64 // the rebuild that the snapshot has seen last
}

// sales returns what the counters of a day lack of its paid orders.
func sales(ctx context.Context, tx store.Tx, day clock.Day, w *waiting) (*lost, error) {
	found, want := &lost{day: day}, map[int64]metric.Counters{}
	err := tx.Sales.On(ctx, day, func(s store.Sold) error {
		l := s.Line
		want[l.ProductID] = want[l.ProductID].Plus(metric.Sale(l.ProductID, day, l.Quantity, l.Price))
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = tx.Metrics.All(ctx, day, day, func(c metric.Counters) error {
		found.before = found.before.Plus(c)
		want[c.ProductID] = want[c.ProductID].Plus(c.Minus())
		return nil
	})
	if err != nil {
		return nil, err
	}
	for at, c := range w.sums {
		if at.day == day {
			want[at.product] = want[at.product].Plus(c.Minus())
		}
	}
	for pid, c := range want {
		c.ProductID, c.Day, c.Views, c.Likes = pid, day, 0, 0 // these are recounted otherwise, or not at all
		if c != (metric.Counters{ProductID: pid, Day: day}) {
			found.take(w, c)
		}
	}
	return found, nil
}

// likes returns what like counts and daily net likes lack of the likes that there are. An
// unlike leaves nothing behind, so the day of a lost one is not known: what is lost goes to
// the newest day asked for on which a like of the product was given that is still there, or
// else to the last day.
func likes(ctx context.Context, tx store.Tx, r Request, w *waiting) (*lost, error) {
	found := &lost{day: r.Last, counts: map[int64]int64{}}
	books := map[int64]store.Liked{}
	err := tx.Sales.Liked(ctx, r.Last.Add(1), func(l store.Liked) error {
		books[l.ProductID] = l
		return nil
	})
	if err != nil {
		return nil, err
	}
	for pid := range w.likes {
		if _, differs := books[pid]; !differs && w.likes[pid] != 0 {
			books[pid] = store.Liked{ProductID: pid}
		}
	}
	for pid, l := range books {
		day := r.Last
		if !l.Newest.IsZero() && clock.DayOf(l.Newest) >= r.First {
			day = clock.DayOf(l.Newest)
		}
		found.before.Likes += l.Counted
		daily, shown := l.Likes-l.Counted-w.likes[pid], l.Likes-l.Shown-w.likes[pid]
		if w.moving[pid] {
			found.moving++
			continue
		}
		if daily != 0 {
			found.take(w, metric.Counters{ProductID: pid, Day: day, Likes: daily})
		}
		if shown != 0 {
			found.counts[pid] = shown
		}
	}
	return found, nil
}

// take notes what a product lacks, unless its events are on their way just now.
func (l *lost) take(w *waiting, c metric.Counters) {
	if w.moving[c.ProductID] {
		l.moving++
		return
	}
	l.deltas = append(l.deltas, c)
}

// into adds what was found to a change.
func (l *lost) into(c *Change, again bool) {
	if !again {
		c.Products, c.Added, c.Counts = 0, metric.Counters{}, 0
	}
	products := map[int64]bool{}
	for _, d := range l.deltas {
		products[d.ProductID] = true
		c.Added = c.Added.Plus(d)
	}
	for pid, n := range l.counts {
		products[pid] = true
		c.Counts += n
	}
	c.Products += int64(len(products))
}

// atOnce is how many products one transaction changes.
const atOnce = 1_000

// add adds what is lost, some products in each transaction, with a note of it.
func (s *Service) add(ctx context.Context, r Request, l *lost) error {
	byProduct := map[int64][]metric.Counters{}
	for _, d := range l.deltas {
		byProduct[d.ProductID] = append(byProduct[d.ProductID], d)
	}
	for pid := range l.counts {
		byProduct[pid] = append(byProduct[pid], nil...)
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(byProduct)), atOnce) {
		l.last++
		note := metric.Rebuild{
			ID: l.last, At: s.now(), Actor: r.Actor, Reason: r.Reason, Day: l.day, Products: int64(len(part)),
		}
		var deltas []metric.Counters
		counts := map[int64]int64{}
		for _, pid := range part {
			for _, d := range byProduct[pid] {
				deltas, note.Added = append(deltas, d), note.Added.Plus(d)
			}
			if n := l.counts[pid]; n != 0 {
				counts[pid] = n
				note.Counts += n
			}
		}
		slices.SortFunc(deltas, func(a, b metric.Counters) int {
			return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.Day, b.Day))
		})
		err := s.db.Update(ctx, func(tx store.Tx) error {
			tx.Rebuilds.Add(note)
			tx.Metrics.Add(deltas)
			tx.Likes.AddCounts(counts)
			return nil
		})
		if err != nil {
			return err
		}
		s.log.InfoContext(ctx, "added lost events to counters", "day", l.day, "products", len(part), "rebuild", note.ID)
	}
	return nil
}

// lastRebuild returns the id of the last rebuild in the snapshot.
func lastRebuild(ctx context.Context, tx store.Tx) (int64, error) {
	found, err := tx.Rebuilds.Latest(ctx, 1)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].ID, nil
}
