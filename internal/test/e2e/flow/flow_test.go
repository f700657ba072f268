package flow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// The ranking follows each step of a customer, from sign-up to a cancelled order.
func TestFromSignUpToTheLiveRanking(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		s.must(t, http.StatusCreated, apiclient.SignUp("mina"), nil)
		var session apiclient.Session
		s.must(t, http.StatusCreated, apiclient.LogIn("mina", apiclient.Password), &session)
		mina := func(q apiclient.Request) apiclient.Request { return q.WithToken(session.Token) }
		s.must(t, http.StatusOK, mina(apiclient.Charge("", 10_000)), nil)
		s.must(t, http.StatusOK, mina(apiclient.View("", 1)), nil)
		s.must(t, http.StatusNoContent, mina(apiclient.Like("", 1)), nil)
		var order apiclient.Order
		s.must(t, http.StatusCreated, mina(apiclient.Buy(1, 3).Request("", "")), &order)
		if order.Status != "PAID" {
			t.Errorf("status = %s", order.Status)
		}
		ordered := time.Now()
		// 0.1 for the view, 0.2 for the like, 0.7 x 8.007, ln(1 + 3000) in thousandths, for the order.
		s.awaitScore(t, 1, "5.9049")
		t.Logf("ranked %v after the order", time.Since(ordered))
		cluster.Eventually(t, 5*time.Second, "the product shows its rank and its like", func() error {
			var p apiclient.Product
			s.must(t, http.StatusOK, apiclient.View("", 1), &p)
			if p.Stock != stock-3 || p.LikeCount != 1 || p.Rank == nil || *p.Rank != 1 {
				return fmt.Errorf("%+v", p)
			}
			return nil
		})
		s.must(t, http.StatusOK, mina(apiclient.Cancel("", order.ID)), nil)
		var wallet apiclient.Wallet
		s.must(t, http.StatusOK, mina(apiclient.Points("")), &wallet)
		if wallet.Balance != 10_000 {
			t.Errorf("balance = %d after the cancel", wallet.Balance)
		}
		s.verify(t)
	})
}

// awaitScore waits until the product is on rank 1 with the score.
func (s *shop) awaitScore(t *testing.T, product int64, score json.Number) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, "the ranking shows the product", func() error {
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
