package tally

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

// contribution is what an event adds to the counters.
type contribution struct {
	id     id.ID
	counts []metric.Counters
}

// contributions returns what the batch adds to the counters. It skips events that
// add nothing and those that this program does not know. Most events are views, which
// add to one counter each: the counters of all events share one array.
func contributions(batch []event.Opened) ([]contribution, error) {
	events := make([]contribution, 0, len(batch))
	all := make([]metric.Counters, 0, len(batch))
	for i := range batch {
		o, from := &batch[i], len(all)
		var err error
		if all, err = metric.AppendOf(all, o); err != nil {
			return nil, fmt.Errorf("%w: %s %s: %w", event.ErrUnreadable, o.Type, o.ID, err)
		}
		if len(all) > from {
			events = append(events, contribution{o.ID, all[from:len(all):len(all)]})
		}
	}
	return events, nil
}

// sums adds up counters by product and day, and the net likes by product.
type sums struct {
	counters []metric.Counters
	places   map[counterKey]int // in counters
	likes    map[int64]int64
}

func newSums() *sums { return &sums{places: map[counterKey]int{}, likes: map[int64]int64{}} }

func (s *sums) add(counts []metric.Counters) {
	for i := range counts {
		c := &counts[i]
		at := counterKey{c.ProductID, c.Day}
		place, known := s.places[at]
		if !known {
			place = len(s.counters)
			s.places[at], s.counters = place, append(s.counters, metric.Counters{ProductID: c.ProductID, Day: c.Day})
		}
		s.counters[place] = s.counters[place].Plus(*c)
		if c.Likes != 0 {
			s.likes[c.ProductID] += c.Likes
		}
	}
}

// deltas returns the sums that are not zero, sorted by product and day, and the net likes
// that are not zero.
func (s *sums) deltas() ([]metric.Counters, map[int64]int64) {
	deltas := slices.DeleteFunc(s.counters, func(c metric.Counters) bool {
		return c == metric.Counters{ProductID: c.ProductID, Day: c.Day}
	})
	slices.SortFunc(deltas, func(a, b metric.Counters) int {
		return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.Day, b.Day))
	})
	maps.DeleteFunc(s.likes, func(_, n int64) bool { return n == 0 })
	return deltas, s.likes
}
