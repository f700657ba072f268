package flow_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// buy places an order of one product and returns its id.
func (s *shop) buy(t *testing.T, user string, product, quantity int64) string {
	t.Helper()
	var o apiclient.Order
	s.must(t, http.StatusCreated, apiclient.Buy(product, quantity).Request(user, ""), &o)
	return o.ID
}

func TestWithoutRedisEverythingAnswersAndTheRankingIsRebuilt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		s.buy(t, "u1", 1, 3)
		s.awaitScore(t, 1, "5.6049")
		s.redis.stop(t)
		s.buy(t, "u2", 2, 30)
		s.awaitScore(t, 2, "7.8575") // from the database
		var p apiclient.Product
		s.must(t, http.StatusOK, apiclient.View("", 2), &p)
		if p.Rank != nil {
			t.Errorf("rank = %d without Redis", *p.Rank)
		}
		s.redis.start(t) // without data
		s.verify(t)
		s.awaitRank(t, 1, 2)
	})
}

func (s *shop) awaitRank(t *testing.T, product, want int64) {
	t.Helper()
	cluster.Eventually(t, 15*time.Second, "the product shows its rank again", func() error {
		var p apiclient.Product
		s.must(t, http.StatusOK, apiclient.View("", product), &p)
		if p.Rank == nil || *p.Rank != want {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
}

func TestARebuildCompletesTheRankingAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		s.buy(t, "u1", 1, 3)
		s.buy(t, "u2", 2, 30)
		s.verify(t)
		s.redis.stop(t)
		s.redis.start(t)
		builder := leaderboard.NewBuilder(s.db, s.board, s.env.Clock, s.env.IDs().String(), s.env.Log)
		today := clock.DayOf(s.env.Clock())
		// The API rebuilds the ranking too: the build that starts last is the one that ends.
		cluster.Eventually(t, 10*time.Second, "the ranking is built", func() error {
			err := builder.Rebuild(t.Context(), []clock.Day{today.Add(-1), today}, nil)
			if errors.Is(err, ranking.ErrSuperseded) {
				return nil
			}
			return err
		})
		s.verifyBoard(t)
		s.awaitRank(t, 1, 2)
	})
}

func TestWithoutKafkaOrdersGoOnAndTheirEventsArriveInOrder(t *testing.T) {
	t.Parallel()
	s := open(t, embedded(t))
	s.buy(t, "u1", 1, 1)
	s.verify(t)
	s.kafka.stop(t)
	var ids []string
	for i := range 20 {
		user := fmt.Sprintf("u%d", i)
		id := s.buy(t, user, 1, 1)
		s.must(t, http.StatusOK, apiclient.Cancel(user, id), nil)
		ids = append(ids, id)
	}
	s.kafka.start(t)
	s.verify(t)
	s.checkOrder(t, ids)
}

// checkOrder reads the topic and checks that the first occurrences of the events of
// each order are in order.
func (s *shop) checkOrder(t *testing.T, ids []string) {
	t.Helper()
	next := map[string]int{}
	for _, r := range kafkatest.Records(t, s.brokers, s.prefix+event.OrderTopic, 2+3*len(ids)) {
		step := map[string]int{"order.placed": 1, "order.paid": 2, "order.cancelled": 3}[kafkatest.Header(r, "ce_type")]
		id := string(r.Key)
		if step > next[id]+1 {
			t.Errorf("order %s: step %d came after step %d", id, step, next[id])
		}
		next[id] = max(next[id], step)
	}
	for _, id := range ids {
		if next[id] != 3 {
			t.Errorf("order %s has reached step %d of 3", id, next[id])
		}
	}
}
