package flow_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

func (s *shop) buy(t *testing.T, who string, product, quantity int) string {
	t.Helper()
	var o struct{ ID string }
	s.must(t, http.StatusCreated, who, http.MethodPost, "/api/v1/orders",
		fmt.Sprintf(`{"items":[{"productId":%d,"quantity":%d}]}`, product, quantity)).into(t, &o)
	return o.ID
}

func TestWithoutRedisEverythingAnswersAndTheBoardMendsItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		s.buy(t, "u1", 1, 3)
		s.awaitScore(t, 1, "5.6049")
		s.redis.stop(t)
		s.buy(t, "u2", 2, 30)
		s.awaitScore(t, 2, "7.8575") // from the database
		var p struct{ Rank *int64 }
		s.must(t, http.StatusOK, "", http.MethodGet, "/api/v1/products/2", "").into(t, &p)
		if p.Rank != nil {
			t.Errorf("rank = %d without a board", *p.Rank)
		}
		s.redis.start(t) // without what it held
		s.verify(t)
		s.awaitRank(t, 1, 2)
	})
}

func (s *shop) awaitRank(t *testing.T, product, want int64) {
	t.Helper()
	eventually(t, 15*time.Second, "the product shows its rank again", func() error {
		var p struct{ Rank *int64 }
		s.must(t, http.StatusOK, "", http.MethodGet, fmt.Sprintf("/api/v1/products/%d", product), "").into(t, &p)
		if p.Rank == nil || *p.Rank != want {
			return errors.New("it does not")
		}
		return nil
	})
}

func TestARebuildMakesTheBoardWholeAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		s.buy(t, "u1", 1, 3)
		s.buy(t, "u2", 2, 30)
		s.verify(t)
		s.redis.stop(t)
		s.redis.start(t)
		builder := leaderboard.NewBuilder(s.db, s.board, ranking.DefaultWeights(), s.world.Clock, s.world.IDs().String(), s.world.Log)
		today := clock.DayOf(s.world.Clock())
		// The keeper makes it again as well: whoever begins last finishes.
		eventually(t, 10*time.Second, "the board is built", func() error {
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

func TestWithoutKafkaOrdersGoOnAndEventsArriveInOrder(t *testing.T) {
	t.Parallel()
	s := open(t, embedded(t))
	s.buy(t, "u1", 1, 1)
	s.verify(t)
	s.kafka.stop(t)
	var ids []string
	for i := range 20 {
		oid := s.buy(t, fmt.Sprintf("u%d", i), 1, 1)
		s.must(t, http.StatusOK, fmt.Sprintf("u%d", i), http.MethodPost, "/api/v1/orders/"+oid+"/cancel", `{}`)
		ids = append(ids, oid)
	}
	s.kafka.start(t)
	s.verify(t)
	s.inOrder(t, ids)
}

// inOrder reads the topic and checks that the first occurrence of each step of
// each order comes in its turn.
func (s *shop) inOrder(t *testing.T, ids []string) {
	t.Helper()
	next := map[string]int{}
	for _, r := range kafkatest.Records(t, s.brokers, s.prefix+event.OrderTopic, 2+3*len(ids)) {
		step := map[string]int{"order.placed": 1, "order.paid": 2, "order.cancelled": 3}[kind(r.Headers)]
		oid := string(r.Key)
		if step > next[oid]+1 {
			t.Errorf("order %s: step %d came after step %d", oid, step, next[oid])
		}
		next[oid] = max(next[oid], step)
	}
	for _, oid := range ids {
		if next[oid] != 3 {
			t.Errorf("order %s came to step %d of 3", oid, next[oid])
		}
	}
}

func kind(headers []kgo.RecordHeader) string {
	for _, h := range headers {
		if h.Key == "ce_type" {
			return string(h.Value)
		}
	}
	return ""
}
