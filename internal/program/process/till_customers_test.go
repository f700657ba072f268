package process_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// customers place orders, 16 at a time, each until it is answered; every tenth
// calls theirs off. It returns the orders that were answered, by id.
func (s *till) customers(n int) (wait func() map[string]bool) {
	var (
		all    sync.WaitGroup
		lock   sync.Mutex
		placed = map[string]bool{}
		turns  = make(chan struct{}, 16)
	)
	all.Go(func() {
		for i := range n {
			turns <- struct{}{}
			all.Go(func() {
				defer func() { <-turns }()
				if id := s.buy(i); id != "" {
					lock.Lock()
					defer lock.Unlock()
					placed[id] = true
				}
			})
		}
	})
	return func() map[string]bool {
		all.Wait()
		return placed
	}
}

func (s *till) buy(i int) string {
	points := rand.IntN(2) * 10 //nolint:gosec // some pay with both
	body := fmt.Sprintf(`{"items":[{"productId":7,"quantity":1}],"points":%d,"payment":{"method":"CARD","cardType":"KB","cardNo":"%s-%04d"}}`,
		points, cardDigits, i)
	var o struct{ ID, Status string }
	if !s.untilAnswered(i, "/api/v1/orders", body, &o) {
		return ""
	}
	if i%10 == 0 {
		s.untilAnswered(i, "/api/v1/orders/"+o.ID+"/cancel", fmt.Sprintf(`{"reason":"customer %d"}`, i), nil)
	}
	return o.ID
}

// untilAnswered sends a request to one API and the other, with one key, until
// it is answered; a refusal is an answer, a 500 is a failure.
func (s *till) untilAnswered(i int, path, body string, v any) bool {
	for try := i; s.t.Context().Err() == nil; try++ {
		who := []string{"ann", "bob", "cho"}[i%3]
		status, err := s.apis[try%2].ask(s.t.Context(), who, http.MethodPost, path, body, nil)
		switch {
		case err == nil && status < http.StatusMultipleChoices:
			if v != nil {
				_, err = s.apis[try%2].ask(s.t.Context(), who, http.MethodPost, path, body, v) // the first answer again
			}
			if err == nil {
				return true
			}
		case err == nil && status == http.StatusInternalServerError:
			s.t.Errorf("POST %s = 500", path)
			return false
		case err == nil && status < http.StatusInternalServerError && status != http.StatusConflict:
			s.t.Errorf("POST %s = %d", path, status)
			return false
		case err == nil && status == http.StatusConflict && v == nil:
			return true // too late to be called off
		}
		time.Sleep(20 * time.Millisecond) // whoever died is being started
	}
	return false
}
