package api_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
)

func TestAMetricThatCannotBeRegisteredIsAnErrorAtTheStart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"commerce_http_request_duration_seconds", "commerce_payment_callbacks_total"} {
		registry := prometheus.NewRegistry()
		registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: "Registered before."}))
		_, err := api.New(api.Config{Clock: time.Now, Log: slog.New(slog.DiscardHandler), Registerer: registry})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("New = %v, want an error about %s", err, name)
		}
	}
}
