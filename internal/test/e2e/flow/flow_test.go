package flow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// A person signs up, charges, looks, likes, buys and changes their mind; the
// ranking follows each step.
func TestFromSignUpToTheLiveRanking(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		s.must(t, http.StatusCreated, "", http.MethodPost, "/api/v1/users",
			`{"loginId":"mina","email":"mina@example.com","birthDate":"1994-05-01","gender":"FEMALE","password":"correct horse"}`)
		var session struct{ Token string }
		s.must(t, http.StatusCreated, "", http.MethodPost, "/api/v1/sessions", `{"loginId":"mina","password":"correct horse"}`).into(t, &session)
		me := []string{"Authorization", "Bearer " + session.Token}
		s.must(t, http.StatusOK, "", http.MethodPost, "/api/v1/points/charge", `{"amount":10000}`, me...)
		s.must(t, http.StatusOK, "", http.MethodGet, "/api/v1/products/1", "", me...)
		s.must(t, http.StatusNoContent, "", http.MethodPost, "/api/v1/products/1/likes", "", me...)
		var order struct{ ID, Status string }
		s.must(t, http.StatusCreated, "", http.MethodPost, "/api/v1/orders", `{"items":[{"productId":1,"quantity":3}]}`, me...).into(t, &order)
		if order.Status != "PAID" {
			t.Errorf("status = %s", order.Status)
		}
		ordered := time.Now()
		// 0.1 for the view, 0.2 for the like, 0.7 x 8.007, ln(1 + 3000) in thousandths, for the order.
		s.awaitScore(t, 1, "5.9049")
		t.Logf("ranked %v after the order", time.Since(ordered))
		eventually(t, 5*time.Second, "the product shows its place and its like", func() error {
			var p struct {
				Stock, LikeCount int64
				Rank             *int64
			}
			s.must(t, http.StatusOK, "", http.MethodGet, "/api/v1/products/1", "").into(t, &p)
			if p.Stock != stock-3 || p.LikeCount != 1 || p.Rank == nil || *p.Rank != 1 {
				return fmt.Errorf("%+v", p)
			}
			return nil
		})
		s.must(t, http.StatusOK, "", http.MethodPost, "/api/v1/orders/"+order.ID+"/cancel", `{"reason":"changed my mind"}`, me...)
		var wallet struct{ Balance int64 }
		s.must(t, http.StatusOK, "", http.MethodGet, "/api/v1/points", "", me...).into(t, &wallet)
		if wallet.Balance != 10_000 {
			t.Errorf("balance = %d after the cancel", wallet.Balance)
		}
		s.verify(t)
	})
}

// awaitScore waits until the product is on rank 1 with the score.
func (s *shop) awaitScore(t *testing.T, product int64, score json.Number) {
	t.Helper()
	eventually(t, 30*time.Second, "the ranking shows it", func() error {
		places, err := s.ranking(t.Context())
		if err != nil {
			return err
		}
		if len(places) == 0 {
			return errors.New("the ranking is empty")
		}
		if p := places[0]; p.Rank != 1 || p.Product.ID != product || p.Score != score {
			return fmt.Errorf("on rank 1: %+v", p)
		}
		return nil
	})
}
