package tracing

import (
	"context"
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/base/fault"
)

// Kinds of spans.
const (
	Internal = trace.SpanKindInternal
	Server   = trace.SpanKindServer
	Client   = trace.SpanKindClient
	Producer = trace.SpanKindProducer
	Consumer = trace.SpanKindConsumer
)

// Name of the instrumentation in all spans.
const scope = "github.com/loopers-commerce/commerce"

// MaxLinks is how many links a span has at most. The SDK would drop more.
const MaxLinks = 128

// Span is a span, or nothing if it is not recorded.
type Span struct{ span trace.Span }

// Start begins a span within the one of ctx. If that is not recorded, Start returns ctx
// and a Span that does nothing.
func Start(ctx context.Context, name string, kind trace.SpanKind) (context.Context, Span) {
	outer := trace.SpanFromContext(ctx)
	if !outer.IsRecording() {
		return ctx, Span{}
	}
	return begin(ctx, outer.TracerProvider(), name, trace.WithSpanKind(kind))
}

// Begin begins a span within the trace of ctx, or in a new trace. It is for what comes
// from another program. The sampler of traces decides whether the span is recorded.
func Begin(ctx context.Context, traces trace.TracerProvider, name string, kind trace.SpanKind, linked ...context.Context) (context.Context, Span) {
	options := []trace.SpanStartOption{trace.WithSpanKind(kind)}
	for _, other := range linked[:min(len(linked), MaxLinks)] {
		options = append(options, trace.WithLinks(trace.LinkFromContext(other)))
	}
	return begin(ctx, traces, name, options...)
}

func begin(ctx context.Context, traces trace.TracerProvider, name string, o ...trace.SpanStartOption) (context.Context, Span) {
	ctx, span := traces.Tracer(scope).Start(ctx, name, o...)
	if !span.IsRecording() {
		return ctx, Span{}
	}
	return ctx, Span{span}
}

// Current returns the span of ctx.
func Current(ctx context.Context) Span {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		return Span{span}
	}
	return Span{}
}

func recording(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Sampled reports whether ctx is in a trace that whoever began it records.
func Sampled(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }

// Into returns ctx at the place in a trace where other is.
func Into(ctx, other context.Context) context.Context {
	return trace.ContextWithSpan(ctx, trace.SpanFromContext(other))
}

// Within returns ctx within the span. It is for work that outlives the context in which
// the span was begun.
func (s Span) Within(ctx context.Context) context.Context {
	if s.span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, s.span)
}

// Link links the span to the one of ctx, if both are recorded.
func (s Span) Link(ctx context.Context) {
	if s.span != nil && recording(ctx) {
		s.span.AddLink(trace.LinkFromContext(ctx))
	}
}

// Text sets an attribute. What is not UTF-8 would keep the collector from reading it.
func (s Span) Text(key attribute.Key, value string) {
	if s.span != nil {
		s.span.SetAttributes(key.String(strings.ToValidUTF8(value, "?")))
	}
}

// Int sets an attribute.
func (s Span) Int(key attribute.Key, value int) {
	if s.span != nil {
		s.span.SetAttributes(key.Int(value))
	}
}

// keyError is the attribute that says what went wrong: a code, or the status of an
// answer.
const keyError = attribute.Key("error.type")

// Fail says that the span failed, and how.
func (s Span) Fail(what, detail string) {
	if s.span != nil {
		s.span.SetAttributes(keyError.String(what))
		s.span.SetStatus(codes.Error, strings.ToValidUTF8(detail, "?"))
	}
}

// keyRefused is the attribute with the code of the rule that refused a request.
const keyRefused = attribute.Key("commerce.refused")

// End ends the span. An error of kind fault.Internal or fault.Unavailable makes it a
// failed one; others say that a rule refused what was asked.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	f, known := errors.AsType[*fault.Error](err)
	switch {
	case err == nil:
	case !known:
		s.Fail("_OTHER", err.Error()) // what OpenTelemetry calls an error without a code
	case f.Kind == fault.Internal || f.Kind == fault.Unavailable:
		s.Fail(f.Code, err.Error())
	default:
		s.Text(keyRefused, f.Code)
	}
	s.span.End()
}
