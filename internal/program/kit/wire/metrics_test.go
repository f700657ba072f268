package wire_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// scrape returns what /metrics shows.
func scrape(t *testing.T, e wire.Env) string {
	t.Helper()
	w := httptest.NewRecorder()
	manage.Handler(e.Registry, nil).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	return w.Body.String()
}

func TestCountsAreReadWhenTheyAreScraped(t *testing.T) {
	t.Parallel()
	e, hits := env(), int64(0)
	counts := wire.Counts{"hit": func() int64 { return hits }, "miss": func() int64 { return 7 }}
	if err := e.ExportCounts("lookups_total", "Lookups.", "result", counts); err != nil {
		t.Fatal(err)
	}
	for hits = range int64(3) {
		text := scrape(t, e)
		for _, want := range []string{
			`commerce_lookups_total{result="hit"} ` + string(rune('0'+hits)), `commerce_lookups_total{result="miss"} 7`,
		} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("%q is not in:\n%s", want, text)
			}
		}
	}
}

func TestASecondRegistrationOfCountsIsAnError(t *testing.T) {
	t.Parallel()
	e := env()
	counts := wire.Counts{"hit": func() int64 { return 0 }}
	if err := e.ExportCounts("lookups_total", "Lookups.", "result", counts); err != nil {
		t.Fatal(err)
	}
	if err := e.ExportCounts("lookups_total", "Lookups.", "result", counts); err == nil || !strings.Contains(err.Error(), "lookups_total") {
		t.Errorf("ExportCounts = %v", err)
	}
}

func TestASecondRelayOfOneProcessIsAnError(t *testing.T) {
	t.Parallel()
	e := env()
	if _, err := kafka.NewOutboxMeter(e.Registry); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (wire.Infra{Env: e}).Relay(nil); err == nil {
		t.Error("the metrics of the second one are lost")
	}
}
