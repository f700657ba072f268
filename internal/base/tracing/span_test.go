package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

func TestWhatARuleRefusesIsNoFailureOfASpan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err         error
		failed      bool
		key, reason string
	}{
		"no error":     {},
		"a refusal":    {fmt.Errorf("place: %w", fault.New(fault.Conflict, "INSUFFICIENT_STOCK", "3 left")), false, "commerce.refused", "INSUFFICIENT_STOCK"},
		"not found":    {fault.New(fault.NotFound, "PRODUCT_NOT_FOUND", "no such product"), false, "commerce.refused", "PRODUCT_NOT_FOUND"},
		"a dependency": {fault.New(fault.Unavailable, "DEPENDENCY_AWAY", "it is away"), true, "error.type", "DEPENDENCY_AWAY"},
		"a bug":        {errors.New("index out of range"), true, "error.type", "_OTHER"},
	} {
		traces, spans := recorder()
		_, span := tracing.Begin(t.Context(), traces, name, tracing.Server)
		span.End(c.err)
		got := spans.GetSpans()[0]
		attributes := map[string]string{}
		for _, a := range got.Attributes {
			attributes[string(a.Key)] = a.Value.AsString()
		}
		if failed := got.Status.Code == codes.Error; failed != c.failed || attributes[c.key] != c.reason {
			t.Errorf("%s: %+v, %v", name, got.Status, attributes)
		}
	}
}

// The job of a request may begin after the answer, when the request's own span has ended.
func TestASpanOutlivesTheContextThatItBeganIn(t *testing.T) {
	t.Parallel()
	traces, spans := recorder()
	ctx, request := tracing.Begin(t.Context(), traces, "request", tracing.Server)
	_, job := tracing.Start(ctx, "charge a card", tracing.Internal)
	request.End(nil)
	_, call := tracing.Start(job.Within(t.Context()), "call", tracing.Client)
	call.End(nil)
	job.End(nil)
	all := spans.GetSpans()
	if len(all) != 3 || all[1].Name != "call" || all[1].Parent.SpanID() != all[2].SpanContext.SpanID() ||
		all[2].Parent.SpanID() != all[0].SpanContext.SpanID() {
		t.Errorf("%+v", all)
	}
}

func TestASpanHasABoundedNumberOfLinks(t *testing.T) {
	t.Parallel()
	traces, spans := recorder()
	linked := make([]context.Context, tracing.MaxLinks+50)
	for i := range linked {
		linked[i] = tracing.Unrecorded(t.Context(), ids())
	}
	_, span := tracing.Begin(t.Context(), traces, "process", tracing.Consumer, linked...)
	span.End(nil)
	if got := spans.GetSpans()[0]; len(got.Links) != tracing.MaxLinks || got.DroppedLinks != 0 {
		t.Errorf("%d links, %d dropped", len(got.Links), got.DroppedLinks)
	}
}

// A collector refuses a message with text that is not UTF-8, and every span in it.
func TestAttributesAreUTF8(t *testing.T) {
	t.Parallel()
	traces, spans := recorder()
	_, span := tracing.Begin(t.Context(), traces, "request", tracing.Server)
	span.Text("url.path", "/\xff")
	span.Fail("500", "it is \xff")
	span.End(nil)
	got := spans.GetSpans()[0]
	if !utf8.ValidString(got.Attributes[0].Value.AsString()) || !utf8.ValidString(got.Status.Description) {
		t.Errorf("%+v %+v", got.Attributes, got.Status)
	}
}

// The sampler of the process is asked for every span that comes from another program.
func TestTheSamplerDecides(t *testing.T) {
	t.Parallel()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
	ctx, span := tracing.Begin(tracing.Continue(t.Context(), traceparent), traces, "request", tracing.Server)
	span.End(nil)
	if tracing.Sampled(ctx) || tracing.ID(ctx) != traceID {
		t.Errorf("traceparent = %q", tracing.Parent(ctx))
	}
}
