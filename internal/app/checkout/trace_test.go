package checkout

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

func TestTheSpanOfAGroupIsInTheFirstTraceAndLinkedFromTheOthers(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	first, one := tracing.Begin(t.Context(), traces, "one", tracing.Internal)
	second, two := tracing.Begin(t.Context(), traces, "two", tracing.Internal)
	_, span := traced(t.Context(), []*placement{someone(t.Context(), 1, 1), someone(first, 2, 1), someone(t.Context(), 3, 1), someone(second, 4, 1)})
	for _, s := range []tracing.Span{span, one, two} {
		s.End(nil)
	}
	all := spans.GetSpans()
	if len(all) != 3 || all[0].Name != "commit orders" || all[0].Parent.SpanID() != all[1].SpanContext.SpanID() {
		t.Fatalf("%+v", all)
	}
	if links := all[2].Links; len(links) != 1 || links[0].SpanContext.SpanID() != all[0].SpanContext.SpanID() || len(all[1].Links) > 0 {
		t.Errorf("%+v, %+v", links, all[1].Links)
	}
	if a := all[0].Attributes; len(a) != 1 || a[0].Value.AsInt64() != 4 {
		t.Errorf("%+v", a)
	}
	if _, span := traced(t.Context(), []*placement{someone(t.Context(), 1, 1)}); span != (tracing.Span{}) {
		t.Error("a group outside of traces has a span")
	}
}
