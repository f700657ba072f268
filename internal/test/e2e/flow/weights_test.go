package flow_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// A change of the weights reaches the ranking without an event, and explanations agree with it.
func TestTheLiveRankingFollowsTheWeights(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		accounts, err := s.env.Accounts(s.db, bytes.Repeat([]byte("k"), 32), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := accounts.Grant(t.Context(), "u0", user.Admin); err != nil {
			t.Fatal(err)
		}
		s.must(t, http.StatusNoContent, apiclient.Like("u1", 1), nil)
		s.awaitScore(t, 1, "0.2")
		s.must(t, http.StatusOK, apiclient.Request{
			User: "u0", Method: http.MethodPut, Path: "/admin/v1/ranking/weights",
			Body: `{"view":0.1,"like":2.5,"order":0.7,"carry":0.1,"reason":"likes say more"}`,
		}, nil)
		s.awaitScore(t, 1, "2.5")
		s.must(t, http.StatusNoContent, apiclient.Like("u2", 1), nil)
		s.awaitScore(t, 1, "5")
		var explained struct{ Score json.Number }
		s.must(t, http.StatusOK, apiclient.Get("", "/api/v1/rankings/1/explain"), &explained)
		if explained.Score != "5" {
			t.Errorf("explained is a score of %s", explained.Score)
		}
		s.verify(t)
	})
}
