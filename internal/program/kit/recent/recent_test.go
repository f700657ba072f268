package recent_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/program/kit/recent"
)

var start = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)

func get(t *testing.T, traces *recent.Traces, path string) (status int, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	traces.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

// span records a span that starts and ends so many milliseconds after the start.
func span(ctx context.Context, tracer trace.Tracer, name string, from, to int) (within context.Context, s trace.Span) {
	within, s = tracer.Start(ctx, name, trace.WithTimestamp(start.Add(time.Duration(from)*time.Millisecond)))
	s.End(trace.WithTimestamp(start.Add(time.Duration(to) * time.Millisecond)))
	return within, s
}

func TestATraceIsShownAsATree(t *testing.T) {
	t.Parallel()
	traces := recent.New()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(traces)).Tracer("test")
	order, root := tracer.Start(t.Context(), "POST /orders", trace.WithTimestamp(start))
	event, _ := span(order, tracer, "send order-events", 5, 7)
	_, batch := tracer.Start(event, "process order-events", trace.WithTimestamp(start.Add(8*time.Millisecond)),
		trace.WithAttributes(attribute.String("messaging.consumer.group.name", "ranking")))
	batch.End(trace.WithTimestamp(start.Add(2009 * time.Millisecond)))
	_, _ = span(order, tracer, "update", 1, 3)
	root.SetStatus(codes.Error, "no answer")
	root.End(trace.WithTimestamp(start.Add(4 * time.Millisecond)))

	id := root.SpanContext().TraceID().String()
	status, text := get(t, traces, "/traces/"+id)
	want := `Trace ` + id + ` of 2026-11-28 18:00:00: 4 spans in 2009.0 ms.

     START      TAKES  SPAN
    0.0 ms     4.0 ms  POST /orders failed: no answer
    1.0 ms     2.0 ms    update
    5.0 ms     2.0 ms    send order-events
    8.0 ms  2001.0 ms      process order-events by ranking
`
	if diff := cmp.Diff(want, text); diff != "" || status != http.StatusOK {
		t.Errorf("%d (-want +got)\n%s", status, diff)
	}
	if _, list := get(t, traces, "/traces"); !strings.Contains(list, "18:00:00  2009.0 ms  4      "+id+"  POST /orders\n") {
		t.Errorf("the list is\n%s", list)
	}
}

// What a developer did last is there, however much it was; memory is bounded.
func TestTheOldestTracesAreForgotten(t *testing.T) {
	t.Parallel()
	traces := recent.New()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(traces)).Tracer("test")
	_, first := span(t.Context(), tracer, "first", 0, 1)
	_, second := span(t.Context(), tracer, "second", 0, 1)
	for range 255 {
		ctx, _ := span(t.Context(), tracer, "later", 0, 1)
		for range 3 {
			_, _ = span(ctx, tracer, "a part of it", 0, 1)
		}
	}
	for id, want := range map[string]int{
		first.SpanContext().TraceID().String():  http.StatusNotFound,
		second.SpanContext().TraceID().String(): http.StatusOK,
		"first":                                 http.StatusBadRequest,
	} {
		if status, text := get(t, traces, "/traces/"+id); status != want || text == "" {
			t.Errorf("/traces/%s answers %d, not %d: %s", id, status, want, text)
		}
	}
	if _, list := get(t, traces, "/traces/"); strings.Count(list, "\n") != 257 {
		t.Errorf("the list has %d lines", strings.Count(list, "\n"))
	}
}

func TestASpanWhoseParentIsUnknownIsAtTheTop(t *testing.T) {
	t.Parallel()
	traces := recent.New()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(traces)).Tracer("test")
	remote := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, Remote: true})
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), remote)
	_, _ = span(ctx, tracer, "callback", 3, 4)
	for range 300 {
		_, _ = span(ctx, tracer, "call", 5, 6)
	}
	_, text := get(t, traces, "/traces/"+remote.TraceID().String())
	if !strings.Contains(text, ": 256 spans in 3.0 ms.") || !strings.Contains(text, "ms  callback\n") {
		t.Errorf("the trace is\n%.300s", text)
	}
}
