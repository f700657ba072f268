package relay

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// sickness is which queues fail, since when and why.
type sickness struct {
	mu     sync.Mutex
	queues map[store.Queue]sick
}

type sick struct {
	since  time.Time
	reason error
}

// add notes that a queue fails. It reports whether that is new.
func (s *sickness) add(q store.Queue, now time.Time, reason error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, was := s.queues[q]
	if !was {
		known.since = now
	}
	known.reason = reason
	if s.queues == nil {
		s.queues = map[store.Queue]sick{}
	}
	s.queues[q] = known
	return !was
}

func (s *sickness) remove(q store.Queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.queues, q)
}

func (s *sickness) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queues) > 0
}

func (s *sickness) all() map[store.Queue]sick {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.queues)
}

// others returns the queues that are well; nil if all are.
func (s *sickness) others() []store.Queue {
	sick := s.all()
	if len(sick) == 0 {
		return nil
	}
	well := []store.Queue{}
	for _, topic := range event.Topics() {
		for bucket := range event.Partitions {
			if q := (store.Queue{Topic: topic, Bucket: bucket}); sick[q].reason == nil {
				well = append(well, q)
			}
		}
	}
	return well
}

// sortedQueues sorts queues by topic and partition.
func sortedQueues(queues []store.Queue) []store.Queue {
	slices.SortFunc(queues, func(a, b store.Queue) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Bucket, b.Bucket))
	})
	return queues
}

func name(q store.Queue) string { return q.Topic + "/" + strconv.Itoa(q.Bucket) }
