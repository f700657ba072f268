// Package recent keeps the last traces of a process in memory and shows them as text, so
// that a developer sees what a request did without a collector. It is for `commerce dev`:
// each other program knows only its own part of a trace.
package recent

import (
	"context"
	"slices"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Limits of what is kept: of the traces that begin last, and of the spans of a trace.
const (
	mostTraces = 256
	mostSpans  = 256
)

// Traces is the last traces. It is a span processor of OpenTelemetry's SDK.
type Traces struct {
	mu    sync.Mutex
	order []trace.TraceID // oldest first
	spans map[trace.TraceID][]sdktrace.ReadOnlySpan
}

// New returns an empty Traces.
func New() *Traces { return &Traces{spans: map[trace.TraceID][]sdktrace.ReadOnlySpan{}} }

// OnStart implements sdktrace.SpanProcessor.
func (*Traces) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements sdktrace.SpanProcessor.
func (t *Traces) OnEnd(s sdktrace.ReadOnlySpan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := s.SpanContext().TraceID()
	spans, known := t.spans[id]
	if !known {
		t.order = append(t.order, id)
	}
	if len(t.order) > mostTraces {
		delete(t.spans, t.order[0])
		t.order = slices.Delete(t.order, 0, 1)
	}
	if len(spans) < mostSpans {
		t.spans[id] = append(spans, s)
	}
}

// Shutdown implements sdktrace.SpanProcessor.
func (*Traces) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (*Traces) ForceFlush(context.Context) error { return nil }

// of returns the spans of a trace that have ended, the first to start first.
func (t *Traces) of(id trace.TraceID) []sdktrace.ReadOnlySpan {
	t.mu.Lock()
	defer t.mu.Unlock()
	spans := slices.Clone(t.spans[id])
	slices.SortStableFunc(spans, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	return spans
}

// newest returns the ids of the traces, newest first.
func (t *Traces) newest() []trace.TraceID {
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := slices.Clone(t.order)
	slices.Reverse(ids)
	return ids
}
