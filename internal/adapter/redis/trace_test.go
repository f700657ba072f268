package redis_test

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

func TestACallInATraceIsASpanWithItsError(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	b, traces := redistest.Embedded(t, time.Now), sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	ctx, batch := tracing.Begin(t.Context(), traces, "batch", tracing.Consumer)
	defer batch.End(nil)
	if err := b.Set(ctx, today(), 0, []ranking.Score{{ProductID: 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Rank(t.Context(), today(), 1); err != nil { // outside of the trace
		t.Fatal(err)
	}
	b.Server.Close()
	if _, _, err := b.Top(ctx, today(), 0, 10); err == nil {
		t.Fatal("the server is still there: this test shows nothing")
	}
	all := spans.GetSpans()
	if len(all) != 2 || all[0].Name != "write scores" || all[0].Status.Code == codes.Error || all[1].Name != "read the top" ||
		all[1].Status.Code != codes.Error || all[0].Parent.SpanID() != all[1].Parent.SpanID() || !all[0].Parent.IsValid() {
		t.Errorf("%+v", all)
	}
}
