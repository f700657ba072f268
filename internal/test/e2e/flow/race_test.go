package flow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// together calls do n times at once and returns the answers in order.
func together(t *testing.T, n int, do func(i int) (apiclient.Response, error)) []apiclient.Response {
	t.Helper()
	answers := make([]apiclient.Response, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			var err error
			if answers[i], err = do(i); err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
	return answers
}

// tally counts answers by status and error code.
func tally(answers []apiclient.Response) map[string]int {
	counts := map[string]int{}
	for _, a := range answers {
		counts[strings.TrimSpace(fmt.Sprint(a.Status, " ", a.Code()))]++
	}
	return counts
}

func TestSixtyFourPeopleBuyTheLastTen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		answers := together(t, 64, func(i int) (apiclient.Response, error) {
			return s.do(t.Context(), apiclient.Buy(3, 1).Request(fmt.Sprintf("u%d", i), ""))
		})
		counts := tally(answers)
		if counts["201"] != 10 || counts["409 INSUFFICIENT_STOCK"] != 54 {
			t.Errorf("answers: %v, want 10 orders and nothing but INSUFFICIENT_STOCK", counts)
		}
		s.verify(t)
	})
}

func TestBasketsInOppositeOrdersAllSucceed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		baskets := []apiclient.NewOrder{
			{Items: []apiclient.Item{{ProductID: 1, Quantity: 1}, {ProductID: 2, Quantity: 1}}},
			{Items: []apiclient.Item{{ProductID: 2, Quantity: 1}, {ProductID: 1, Quantity: 1}}},
		}
		answers := together(t, 64, func(i int) (apiclient.Response, error) {
			return s.do(t.Context(), baskets[i%2].Request(fmt.Sprintf("u%d", i), ""))
		})
		if counts := tally(answers); counts["201"] != 64 {
			t.Errorf("answers: %v, want 64 orders", counts)
		}
		s.verify(t)
	})
}

func TestOneKeySentThirtyTwoTimesIsOneOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		place := func(int) (apiclient.Response, error) {
			return s.do(t.Context(), apiclient.Buy(1, 1).Request("u1", "the-one"))
		}
		counts := tally(together(t, 32, place))
		if counts["201"]+counts["409 IDEMPOTENCY_KEY_IN_USE"] != 32 || counts["201"] == 0 {
			t.Errorf("answers: %v", counts)
		}
		again, err := place(0)
		if err != nil || again.Status != http.StatusCreated || !again.Replayed {
			t.Errorf("afterwards: %+v, %v", again, err)
		}
		var list struct{ Items []json.RawMessage }
		s.must(t, http.StatusOK, apiclient.Get("u1", apiclient.OrdersPath), &list)
		if len(list.Items) != 1 {
			t.Errorf("%d orders, want 1", len(list.Items))
		}
		s.verify(t)
	})
}

func TestALikeRepeatedAHundredTimesIsOneLikeAndOneEvent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		repeat := func(like func(user string, product int64) apiclient.Request) {
			for _, a := range together(t, 16, func(int) (a apiclient.Response, err error) {
				for range 7 { // 16 x 7 = 112
					a, err = s.do(t.Context(), like("u1", 1))
					if err != nil || a.Status != http.StatusNoContent {
						return a, err
					}
				}
				return a, err
			}) {
				if a.Status != http.StatusNoContent {
					t.Errorf("answered %v", a)
				}
			}
		}
		repeat(apiclient.Like)
		s.awaitScore(t, 1, "0.2")
		s.verify(t)
		s.checkHandled(t, 1)
		repeat(apiclient.Unlike)
		s.verify(t)
		s.checkHandled(t, 2)
		cluster.Eventually(t, 5*time.Second, "a like taken back leaves no place", func() error { // an answer may be a second old
			places, err := s.ranking(t.Context())
			if err == nil && len(places) != 0 {
				err = fmt.Errorf("ranking = %+v", places)
			}
			return err
		})
	})
}

// checkHandled checks that the streamer has counted this many events of product 1.
func (s *shop) checkHandled(t *testing.T, want int64) {
	t.Helper()
	var version int64
	err := s.db.View(t.Context(), func(tx store.Tx) error {
		rows, err := tx.Metrics.Of(t.Context(), []int64{1}, 0, 99991231)
		for _, c := range rows {
			version += c.Version
		}
		return err
	})
	// Every event that was counted has increased the version by one.
	if err != nil || version != want {
		t.Errorf("%d events were counted (%v), want %d", version, err, want)
	}
}
