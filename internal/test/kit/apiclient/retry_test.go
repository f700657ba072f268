package apiclient_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// api answers each request with the next of its statuses. The status 0 breaks the
// connection.
func api(t *testing.T, name string, log chan<- string, answers ...apiclient.Response) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log <- fmt.Sprint(name, " ", r.Header.Get("X-USER-ID"), " ", r.Header.Get("Idempotency-Key"))
		next := answers[0]
		answers = answers[1:]
		if next.Status == 0 {
			panic(http.ErrAbortHandler)
		}
		if next.Replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		w.WriteHeader(next.Status)
		_, _ = w.Write(next.Body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestARetrierRepeatsARequestAtTheNextAPIUntilTheAnswerIsFinal(t *testing.T) {
	t.Parallel()
	log := make(chan string, 10)
	one := api(t, "one", log, apiclient.Response{}, apiclient.Response{Status: 409, Body: []byte(`{"code":"IDEMPOTENCY_KEY_IN_USE"}`)})
	two := api(t, "two", log, apiclient.Response{Status: 503, Body: []byte(`{"code":"DEPENDENCY_AWAY"}`)},
		apiclient.Response{Status: 201, Replayed: true, Body: []byte(`{"ID":"7"}`)})
	r := apiclient.NewRetrier(time.Second, 1, one, two)
	t.Cleanup(r.Close)
	got, err := r.Do(t.Context(), apiclient.Buy(1, 2).Request("ann", "key-1"), 0)
	var o apiclient.Order
	if err != nil || got.Status != 201 || !got.Replayed || got.Decode(&o) != nil || o.ID != "7" {
		t.Errorf("answered %v, %v", got, err)
	}
	want := []string{"one ann key-1", "two ann key-1", "one ann key-1", "two ann key-1"}
	var sent []string
	for range len(log) {
		sent = append(sent, <-log)
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("requests (-want +got)\n%s", diff)
	}
	stats := apiclient.RetryStats{
		Unanswered: 1, Replayed: 1, Refused: map[string]int{"IDEMPOTENCY_KEY_IN_USE": 1, "DEPENDENCY_AWAY": 1},
		Errors: []string{`{"code":"DEPENDENCY_AWAY"}`, `{"code":"IDEMPOTENCY_KEY_IN_USE"}`},
	}
	if diff := cmp.Diff(stats, r.Stats()); diff != "" {
		t.Errorf("stats (-want +got)\n%s", diff)
	}
}

func TestARetrierReturnsOtherErrorsAtOnceAndGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	log := make(chan string, 1000)
	r := apiclient.NewRetrier(time.Second, 1, api(t, "one", log, apiclient.Response{Status: 409, Body: []byte(`{"code":"ORDER_STATE"}`)}))
	t.Cleanup(r.Close)
	if got, err := r.Do(t.Context(), apiclient.Cancel("ann", "7"), 0); err != nil || got.Code() != "ORDER_STATE" {
		t.Errorf("answered %v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	down := apiclient.NewRetrier(time.Second, 1, "http://127.0.0.1:1")
	t.Cleanup(down.Close)
	if got, err := down.Do(ctx, apiclient.Points("ann"), 0); err == nil {
		t.Errorf("answered %v", got)
	}
}
