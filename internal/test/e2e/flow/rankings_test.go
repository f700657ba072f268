package flow_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// Views become events, counters, scores and, without another request, an event of the stream.
func TestViewsArriveAtThoseWhoListenToTheRanking(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.client.URL+"/api/v1/rankings/stream", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.client.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		s.must(t, http.StatusOK, apiclient.View("", 2), nil)
		s.must(t, http.StatusOK, apiclient.View("", 2), nil)
		s.must(t, http.StatusOK, apiclient.View("", 1), nil)
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			var shown apiclient.Ranking
			if ok && json.Unmarshal([]byte(data), &shown) == nil && slices.Equal(products(shown.Items), []int64{2, 1}) {
				return
			}
		}
		t.Errorf("the stream ended: %v", lines.Err())
	})
}

func products(items []apiclient.RankedProduct) (ids []int64) {
	for _, item := range items {
		ids = append(ids, item.Product.ID)
	}
	return ids
}
