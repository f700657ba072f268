package process_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/collectortest"
)

// The setting is an environment variable, and SIGTERM sends what is left: the programs send
// one trace, each its own part.
func TestProgramsSendOneTraceToTheCollector(t *testing.T) {
	t.Parallel()
	p, collector := newProduction(t), collectortest.New(t)
	p.on.Env = append(p.on.Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL)
	api, streamer := p.service("commerce-api"), p.service("commerce-streamer")
	order(t, api.Client(), "ann", 7, 1)
	awaitFirst(t, api.Client(), 7)
	cluster.Eventually(t, 30*time.Second, "the batch is in a span", func() error {
		return onceHandled(collector.Spans())
	})
	api.Stop()
	streamer.Stop()
	spans := collector.Spans()
	names := func(service string) (found []string) {
		for _, s := range spans {
			if s.Service == service {
				found = append(found, s.Name)
			}
		}
		return found
	}
	for service, want := range map[string][]string{
		"commerce-api":      {"POST /api/v1/orders", "update", "send order-events"},
		"commerce-streamer": {"process order-events", "update", "write scores"},
	} {
		for _, name := range want {
			if got := names(service); !slices.Contains(got, name) {
				t.Errorf("%s sent %v, without %s", service, got, name)
			}
		}
	}
}

// onceHandled looks for a batch that continues the span in which its record was sent.
func onceHandled(spans []collectortest.Span) error {
	for _, batch := range spans {
		for _, sent := range spans {
			if batch.Name == "process order-events" && sent.Name == "send order-events" && batch.Parent == sent.Span &&
				batch.Trace == sent.Trace && slices.Contains(batch.Links, sent.Span) {
				return nil
			}
		}
	}
	return fmt.Errorf("none in %d spans", len(spans))
}
