package flow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// Every event reaches the log, whatever it is about. An admin sees what happened to an
// order, with the last piece that it took, and the events behind a score.
func TestAnOrderIsFollowedFromItsFirstEventToItsLast(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		err := s.db.Update(t.Context(), func(tx store.Tx) error { return tx.Users.SetRole(t.Context(), "u9", user.Admin) })
		if err != nil {
			t.Fatal(err)
		}
		s.must(t, http.StatusOK, apiclient.View("u1", 3), nil)
		s.must(t, http.StatusNoContent, apiclient.Like("u1", 3), nil)
		var order apiclient.Order
		s.must(t, http.StatusCreated, apiclient.Buy(3, 10).Request("u1", "k"), &order)
		s.must(t, http.StatusOK, apiclient.Cancel("u1", order.ID), nil)
		s.awaitTypes(t, "/admin/v1/orders/"+order.ID+"/timeline", "steps", "order.placed order.paid stock.depleted order.cancelled")
		s.awaitTypes(t, "/admin/v1/rankings/3/explain", "events", "order.cancelled order.paid product.liked product.viewed")
		s.awaitTypes(t, "/admin/v1/events?key=3", "items", "stock.depleted product.liked product.viewed product.changed")
		s.verify(t)
	})
}

// awaitTypes waits until a list of an answer has events of these types.
func (s *shop) awaitTypes(t *testing.T, path, list, want string) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, "the events are there", func() error {
		var answer map[string]json.RawMessage
		s.must(t, http.StatusOK, apiclient.Get("u9", path), &answer)
		var items []struct {
			Type  string
			Event struct{ Type string }
		}
		if err := json.Unmarshal(answer[list], &items); err != nil {
			return err
		}
		var types []string
		for _, i := range items {
			types = append(types, i.Type+i.Event.Type)
		}
		if got := strings.Join(types, " "); got != want {
			return fmt.Errorf("%s has %s, want %s", path, got, want)
		}
		return nil
	})
}
