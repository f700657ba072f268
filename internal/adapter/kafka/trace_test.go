package kafka_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// inTraces puts each event into a trace of its own, and returns their traceparents. The
// traces are recorded where they began.
func inTraces(t *testing.T, batch []event.Envelope) (parents []string) {
	t.Helper()
	ids := id.NewSource(time.Now, rand.Reader)
	for i := range batch {
		batch[i].Traceparent = tracing.Parent(tracing.Unrecorded(t.Context(), ids))
		parents = append(parents, batch[i].Traceparent)
	}
	return parents
}

// recording returns the configuration of a process that records traces.
func recording(c kafka.Config) (kafka.Config, *tracetest.InMemoryExporter) {
	spans := tracetest.NewInMemoryExporter()
	c.Traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	return c, spans
}

// spanOf returns the part of a traceparent that names the span.
func spanOf(traceparent string) string { return strings.Split(traceparent, "-")[2] }

func named(spans tracetest.SpanStubs, name string) (found tracetest.SpanStubs) {
	for _, s := range spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

func TestABatchContinuesItsFirstTraceAndIsLinkedWithAll(t *testing.T) {
	t.Parallel()
	config, spans := recording(embeddedBroker(t))
	batch := likes(t, 5, 1)
	parents := inTraces(t, batch)
	batch[0].Traceparent = "" // as a view
	batch[1].Traceparent = strings.TrimSuffix(parents[1], "01") + "00"
	publish(t, config, batch)
	inSpan := make(chan string, 1)
	r := newRecorder()
	consume(t, config, func(ctx context.Context, batch []event.Opened) error {
		inSpan <- tracing.Parent(ctx)
		return r.handle(ctx, batch)
	}, quiet())
	r.await(t, 5)
	sends, within := named(spans.GetSpans(), "send catalog-events"), <-inSpan
	if len(sends) != 3 {
		t.Fatalf("%d records were sent in spans, want the 3 of traces that are recorded", len(sends))
	}
	awaitSpans(t, spans, "process catalog-events", 1)
	got := named(spans.GetSpans(), "process catalog-events")[0]
	if got.Parent.SpanID() != sends[0].SpanContext.SpanID() || got.SpanContext.SpanID().String() != spanOf(within) || len(got.Links) != 3 {
		t.Errorf("the batch has the parent %v and the links %v", got.Parent.SpanID(), got.Links)
	}
	for i, s := range sends {
		if s.Parent.SpanID().String() != spanOf(parents[i+2]) || got.Links[i].SpanContext.SpanID() != s.SpanContext.SpanID() {
			t.Errorf("record %d was sent within %v", i+2, s.Parent.SpanID())
		}
	}
	for i, record := range kafkatest.All(t, config.Brokers, config.Topic(event.CatalogTopic))[:2] {
		if header := kafkatest.Header(record, "traceparent"); header != batch[i].Traceparent {
			t.Errorf("record %d has the traceparent %q, want %q", i, header, batch[i].Traceparent)
		}
	}
}

// awaitSpans waits until n spans have ended.
func awaitSpans(t *testing.T, spans *tracetest.InMemoryExporter, name string, n int) {
	t.Helper()
	timeout, tick := time.After(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for len(named(spans.GetSpans(), name)) < n {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%d spans %s have ended, not %d", len(named(spans.GetSpans(), name)), name, n)
		}
	}
}

// A record that fails stays in its trace through the retry topics, and so does the log.
func TestARetriedRecordStaysInItsTrace(t *testing.T) {
	t.Parallel()
	config, spans := recording(embeddedBroker(t))
	batch := likes(t, 1, 1)
	parent := inTraces(t, batch)[0]
	publish(t, config, batch)
	log := &logBuffer{}
	r, failed := newRecorder(), atomic.Bool{}
	consume(t, config, func(ctx context.Context, batch []event.Opened) error {
		if !failed.Swap(true) {
			return errors.New("no such product")
		}
		return r.handle(ctx, batch)
	}, slog.New(tracing.LogHandler(slog.NewTextHandler(log, nil))))
	r.await(t, 1)
	awaitSpans(t, spans, "process catalog-events-ranking-retry-1000", 1)
	traceID := strings.Split(parent, "-")[1]
	path := map[string]tracetest.SpanStub{}
	for _, s := range spans.GetSpans() {
		path[s.Name] = s
		if s.SpanContext.TraceID().String() != traceID {
			t.Errorf("%s is in another trace", s.Name)
		}
	}
	sent, handled := path["send catalog-events-ranking-retry-1000"], path["process catalog-events-ranking-retry-1000"]
	if sent.Parent.SpanID() != path["send catalog-events"].SpanContext.SpanID() || handled.Parent.SpanID() != sent.SpanContext.SpanID() {
		t.Errorf("sent within %v, handled within %v", sent.Parent.SpanID(), handled.Parent.SpanID())
	}
	if got := path["process catalog-events"].Status; got.Code != codes.Error || got.Description != "no such product" {
		t.Errorf("the status of the failed batch is %+v", got)
	}
	if !strings.Contains(log.String(), "traceId="+traceID) {
		t.Errorf("the log does not name the trace:\n%s", log.String())
	}
}

func TestWithoutTracesRecordsKeepTheirTraceparent(t *testing.T) {
	t.Parallel()
	config := embeddedBroker(t)
	batch := likes(t, 1, 1)
	parent := inTraces(t, batch)[0]
	publish(t, config, batch)
	if got := kafkatest.Header(kafkatest.Records(t, config.Brokers, config.Topic(event.CatalogTopic), 1)[0], "traceparent"); got != parent {
		t.Errorf("traceparent = %q, want %q", got, parent)
	}
	within := make(chan string, 1)
	consume(t, config, func(ctx context.Context, _ []event.Opened) error {
		within <- tracing.Parent(ctx)
		return nil
	}, quiet())
	if got := <-within; got != "" {
		t.Errorf("the handler was called within %q", got)
	}
}

// A handler that panics is a failed span too.
func TestAPanicOfAHandlerIsInItsSpan(t *testing.T) {
	t.Parallel()
	config, spans := recording(embeddedBroker(t))
	batch := likes(t, 1, 1)
	inTraces(t, batch)
	publish(t, config, batch)
	consume(t, config, func(context.Context, []event.Opened) error { panic("a bug") }, quiet())
	awaitSpans(t, spans, "process catalog-events", 1)
	if got := named(spans.GetSpans(), "process catalog-events")[0].Status; got.Code != codes.Error || !strings.Contains(got.Description, "a bug") {
		t.Errorf("status = %+v", got)
	}
}
