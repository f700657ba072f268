package manage_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
)

// handler returns the management port of a program with some checks.
func handler(checks ...manage.Check) http.Handler {
	registry, health := manage.Registry(), manage.NewHealth(checks, slog.New(slog.DiscardHandler))
	registry.MustRegister(health)
	return manage.Handler(registry, health)
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadyNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	fine := manage.Check{Name: "redis", Probe: func(context.Context) error { return nil }}
	gone := manage.Check{Name: "database", Probe: func(context.Context) error { return errors.New("connection refused") }}
	h := handler(fine, gone)
	code, body := get(t, h, "/readyz")
	var got struct{ Missing map[string]string }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if code != http.StatusServiceUnavailable || len(got.Missing) != 1 || got.Missing["database"] != "connection refused" {
		t.Errorf("/readyz = %d %s", code, body)
	}
	if code, _ := get(t, h, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz = %d: alive is not the same as ready", code)
	}
}

func TestReadyWithoutAnOptionalDependency(t *testing.T) {
	t.Parallel()
	gone := manage.Check{Name: "redis", Optional: true, Probe: func(context.Context) error { return errors.New("refused") }}
	code, body := get(t, handler(gone), "/readyz")
	if code != http.StatusOK || !strings.Contains(body, `"degraded":{"redis":"refused"}`) {
		t.Errorf("/readyz = %d %s", code, body)
	}
}

func TestReadyWhenNothingIsMissing(t *testing.T) {
	t.Parallel()
	if code, body := get(t, handler(), "/readyz"); code != http.StatusOK || !strings.Contains(body, `"ready"`) {
		t.Errorf("/readyz = %d %s", code, body)
	}
}

func TestMetricsAndProfilesAreServed(t *testing.T) {
	t.Parallel()
	h := handler()
	if code, body := get(t, h, "/metrics"); code != http.StatusOK || !strings.Contains(body, "go_goroutines") {
		t.Errorf("/metrics = %d", code)
	}
	if code, body := get(t, h, "/debug/pprof/"); code != http.StatusOK || !strings.Contains(body, "goroutine") {
		t.Errorf("/debug/pprof/ = %d", code)
	}
}
