// Package tracing is what the packages of a program share about traces: the W3C trace
// context in a context.Context, spans, and the ids of a trace in the log.
//
// A request is always in a trace, whether traces are recorded or not: its id is in
// answers, in the log and in events. Spans are recorded only if there is a collector.
// The span of a request or of a batch is begun with Begin. All others are begun with
// Start, which records nothing outside of a recorded span, and then allocates nothing.
// So background work has no spans, and nobody has to hand down a tracer.
package tracing

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// Header is a place of W3C trace context, such as an http.Header.
type Header interface {
	Get(name string) string
	Set(name, value string)
}

// Names of the W3C headers.
const (
	headerParent = "traceparent"
	headerState  = "tracestate"
)

// carrier makes a Header what package propagation needs.
type carrier struct{ Header }

// Keys implements propagation.TextMapCarrier.
func (carrier) Keys() []string { return []string{headerParent, headerState} }

// Extract returns ctx within the trace that the headers name. If they name none, or are
// malformed, it returns ctx.
func Extract(ctx context.Context, h Header) context.Context {
	if h.Get(headerParent) == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, carrier{h})
}

// Inject writes the trace of ctx into headers, if its spans are recorded here.
func Inject(ctx context.Context, h Header) {
	if recording(ctx) {
		propagation.TraceContext{}.Inject(ctx, carrier{h})
	}
}

// Continue returns ctx within the trace that a traceparent names. If it is malformed,
// it returns ctx.
func Continue(ctx context.Context, traceparent string) context.Context {
	return Extract(ctx, parent(traceparent))
}

// parent is a Header with a traceparent alone.
type parent string

// Get implements Header.
func (p parent) Get(name string) string {
	if name == headerParent {
		return string(p)
	}
	return ""
}

// Set implements Header. Nothing is written to it.
func (parent) Set(string, string) {}

// Place is a place in a trace, for work that has no context.Context. The zero value is
// outside of traces.
type Place struct{ at trace.SpanContext }

// PlaceOf returns the place of ctx.
func PlaceOf(ctx context.Context) Place { return Place{trace.SpanContextFromContext(ctx)} }

// Parent returns the traceparent of what happens at the place; empty outside of traces.
func (p Place) Parent() string {
	if !p.at.IsValid() {
		return ""
	}
	return "00-" + p.at.TraceID().String() + "-" + p.at.SpanID().String() + "-" + p.at.TraceFlags().String()
}

// NewParent returns the traceparent of a new trace, which is that of Unrecorded without a
// context.
func NewParent(ids id.Source) string {
	trace, span := ids(), ids()
	var text [55]byte
	copy(text[:], "00-")
	hex.Encode(text[3:35], trace[:])
	text[35] = '-'
	hex.Encode(text[36:52], span[8:])
	copy(text[52:], "-01")
	return string(text[:])
}

// IDOf returns the id of the trace that a well-formed traceparent names.
func IDOf(traceparent string) string { return traceparent[3:35] }

// Parent returns the traceparent of ctx; empty if ctx is in no trace.
func Parent(ctx context.Context) string { return PlaceOf(ctx).Parent() }

// ID returns the id of the trace of ctx, as it is in answers and in the log; empty if ctx
// is in no trace.
func ID(ctx context.Context) string {
	if at := trace.SpanContextFromContext(ctx); at.HasTraceID() {
		return at.TraceID().String()
	}
	return ""
}

// Unrecorded returns ctx in a place of its own in the trace that it is in, or in a new
// trace. It is for a request of a program that records no spans.
func Unrecorded(ctx context.Context, ids id.Source) context.Context {
	at, span := trace.SpanContextFromContext(ctx), ids()
	at = at.WithSpanID(trace.SpanID(span[8:])).WithRemote(false) // the last half of an id is random
	if !at.HasTraceID() {
		at = at.WithTraceID(trace.TraceID(ids())).WithTraceFlags(trace.FlagsSampled)
	}
	return trace.ContextWithSpanContext(ctx, at)
}
