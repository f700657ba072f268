package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

// relayEvents hands the outbox to the event log, as relay and streamer do.
func (s *shop) relayEvents(t *testing.T) {
	t.Helper()
	lanes := make([]int, store.Lanes)
	for i := range lanes {
		lanes[i] = i
	}
	var batch []event.Received
	err := s.db.Update(t.Context(), func(tx store.Tx) error {
		waiting, err := tx.Outbox.Next(t.Context(), lanes, 1_000)
		for _, r := range waiting {
			batch = append(batch, event.Received{Envelope: r.Envelope, Partition: 5, Offset: r.Seq})
			tx.Outbox.DeletePublished([]int64{r.Seq})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	log := audit.New(s.db, func() time.Time { return began.Add(time.Second) }, nil)
	if err := log.Handle(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

type eventList struct {
	Items []struct{ ID, Type, Key string }
	Page  struct {
		NextCursor *string
		HasMore    bool
	}
}

func (l eventList) types() (types []string) {
	for _, e := range l.Items {
		types = append(types, e.Type)
	}
	return types
}

func TestAnAdminReadsTheEventsOfTheShopAndTheTimelineOfAnOrder(t *testing.T) {
	t.Parallel()
	eachEngine(t, readEvents)
}

func readEvents(t *testing.T, on engine) {
	t.Helper()
	s := stockedOn(t, on)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	var placed struct{ ID string }
	s.as("kim").with("traceparent", trace).post("/api/v1/orders", `{"items":[{"productId":1,"quantity":2}]}`).
		must(t, s, http.StatusCreated).into(t, &placed)
	s.late.Store(60)
	s.as("kim").with("traceparent", trace).post("/api/v1/orders/"+placed.ID+"/cancel", `{"reason":"changed my mind"}`).must(t, s, http.StatusOK)
	s.as("kim").post("/api/v1/products/1/likes", "").must(t, s, http.StatusNoContent)
	admin := s.as("admin")
	admin.get("/admin/v1/orders/"+placed.ID+"/timeline").must(t, s, http.StatusOK).golden(t, "admin_timeline_none")
	s.relayEvents(t)

	admin.get("/admin/v1/orders/"+placed.ID+"/timeline").must(t, s, http.StatusOK).golden(t, "admin_timeline")
	admin.get("/admin/v1/events?type=order.paid").must(t, s, http.StatusOK).golden(t, "admin_events")
	admin.get("/admin/v1/rankings/1/explain?events=2").must(t, s, http.StatusOK).golden(t, "admin_ranking_explained")
	list := func(query string) (l eventList) {
		t.Helper()
		admin.get("/admin/v1/events"+query).must(t, s, http.StatusOK).into(t, &l)
		return l
	}
	every := list("").types()
	if want := []string{"product.liked", "order.cancelled", "order.paid", "order.placed", "product.changed"}; !slices.Equal(every, want) {
		t.Errorf("the events are %v", every)
	}
	first := list("?size=3")
	second := list("?size=3&cursor=" + *first.Page.NextCursor)
	if got := append(first.types(), second.types()...); !slices.Equal(got, every) || second.Page.HasMore {
		t.Errorf("two pages have %v", got)
	}
	for query, want := range map[string]string{
		"?key=1":                              "product.liked product.changed",
		"?key=" + placed.ID:                   "order.cancelled order.paid order.placed",
		"?from=2026-03-01T15:31:00Z":          "product.liked order.cancelled",
		"?to=2026-03-02T00:30:00.001%2B09:00": "order.paid order.placed product.changed",
		"?type=order.none":                    "",
	} {
		if got := strings.Join(list(query).types(), " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	var detail struct{ ID string }
	admin.get("/admin/v1/events/"+first.Items[0].ID).must(t, s, http.StatusOK).into(t, &detail)
	if detail.ID != first.Items[0].ID {
		t.Errorf("event %s was answered by %s", first.Items[0].ID, detail.ID)
	}
}

func TestEventsAreForAdminsAndWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	const nobody = "01900000-0000-7000-8000-000000000000"
	for path, status := range map[string]int{
		"/admin/v1/events": 200, "/admin/v1/events/" + nobody: 404, "/admin/v1/orders/" + nobody + "/timeline": 404,
		"/admin/v1/rankings/1/explain": 200, "/admin/v1/rankings/9/explain": 404, "/admin/v1/rankings/1/explain?date=29990101": 400,
		"/admin/v1/events?cursor=x": 400, "/admin/v1/events?userId=kim": 400, "/admin/v1/events?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z": 400,
	} {
		s.as("kim").get(path).must(t, s, http.StatusForbidden)
		s.as("admin").get(path).must(t, s, status)
	}
}

// The public explanation must not say who has bought what.
func TestThePublicExplanationNamesNobody(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	s.as("kim").post("/api/v1/products/1/likes", "").must(t, s, http.StatusNoContent)
	s.relayEvents(t)
	var kim struct{ ID string }
	s.as("kim").get("/api/v1/users/me").must(t, s, http.StatusOK).into(t, &kim)
	public := s.as("").get("/api/v1/rankings/1/explain?events=9").must(t, s, http.StatusOK)
	admin := s.as("admin").get("/admin/v1/rankings/1/explain?events=9").must(t, s, http.StatusOK)
	if strings.Contains(public.body, kim.ID) || !strings.Contains(admin.body, kim.ID) || !json.Valid([]byte(admin.body)) {
		t.Errorf("the public reads %s\nthe admin reads %s", public.body, admin.body)
	}
}
