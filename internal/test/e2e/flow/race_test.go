package flow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/loopers-commerce/commerce/internal/store"
)

// together asks n times at once and returns the answers by number.
func (s *shop) together(t *testing.T, n int, ask func(i int) (answer, error)) []answer {
	t.Helper()
	answers := make([]answer, n)
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			var err error
			if answers[i], err = ask(i); err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	close(gate)
	wg.Wait()
	return answers
}

// tally counts answers by status and code.
func tally(t *testing.T, answers []answer) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, a := range answers {
		var p struct{ Code string }
		if a.status >= http.StatusBadRequest {
			a.into(t, &p)
		}
		counts[strings.TrimSpace(fmt.Sprint(a.status, " ", p.Code))]++
	}
	return counts
}

func TestSixtyFourPeopleBuyTheLastTen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		answers := s.together(t, 64, func(i int) (answer, error) {
			return s.ask(t.Context(), fmt.Sprintf("u%d", i), http.MethodPost, "/api/v1/orders", `{"items":[{"productId":3,"quantity":1}]}`)
		})
		counts := tally(t, answers)
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
		baskets := []string{
			`{"items":[{"productId":1,"quantity":1},{"productId":2,"quantity":1}]}`,
			`{"items":[{"productId":2,"quantity":1},{"productId":1,"quantity":1}]}`,
		}
		answers := s.together(t, 64, func(i int) (answer, error) {
			return s.ask(t.Context(), fmt.Sprintf("u%d", i), http.MethodPost, "/api/v1/orders", baskets[i%2])
		})
		if counts := tally(t, answers); counts["201"] != 64 {
			t.Errorf("answers: %v, want 64 orders", counts)
		}
		s.verify(t)
	})
}

func TestOneKeySentThirtyTwoTimesIsOneOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		place := func(int) (answer, error) {
			return s.ask(t.Context(), "u1", http.MethodPost, "/api/v1/orders", `{"items":[{"productId":1,"quantity":1}]}`,
				"Idempotency-Key", "the-one")
		}
		counts := tally(t, s.together(t, 32, place))
		if counts["201"]+counts["409 IDEMPOTENCY_KEY_IN_USE"] != 32 || counts["201"] == 0 {
			t.Errorf("answers: %v", counts)
		}
		again, err := place(0)
		if err != nil || again.status != http.StatusCreated || !again.replayed {
			t.Errorf("afterwards: %+v, %v", again, err)
		}
		var list struct{ Items []json.RawMessage }
		s.must(t, http.StatusOK, "u1", http.MethodGet, "/api/v1/orders", "").into(t, &list)
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
		repeat := func(method string) {
			for _, a := range s.together(t, 16, func(int) (a answer, err error) {
				for range 7 { // 16 x 7 = 112
					a, err = s.ask(t.Context(), "u1", method, "/api/v1/products/1/likes", "")
					if err != nil || a.status != http.StatusNoContent {
						return a, err
					}
				}
				return a, err
			}) {
				if a.status != http.StatusNoContent {
					t.Errorf("%s = %d %s", method, a.status, a.body)
				}
			}
		}
		repeat(http.MethodPost)
		s.awaitScore(t, 1, "0.2")
		s.verify(t)
		s.awaitHandled(t, 1)
		repeat(http.MethodDelete)
		s.verify(t)
		s.awaitHandled(t, 2)
		places, err := s.ranking(t.Context())
		if err != nil || len(places) != 0 {
			t.Errorf("ranking = %+v, %v: a like taken back leaves no place", places, err)
		}
	})
}

// awaitHandled waits until the streamer has dealt with likes and unlikes of
// product 1 in this number, and not more.
func (s *shop) awaitHandled(t *testing.T, want int64) {
	t.Helper()
	var version int64
	err := s.db.View(t.Context(), func(tx store.Tx) error {
		rows, err := tx.Metrics.Of(t.Context(), []int64{1}, 0, 99991231)
		for _, c := range rows {
			version += c.Version
		}
		return err
	})
	// Every event of the product that was counted has moved its version by one.
	if err != nil || version != want {
		t.Errorf("%d events were counted (%v), want %d", version, err, want)
	}
}
