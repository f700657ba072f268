package pgclient

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

func TestEachCallOfTheGatewayIsASpanThatTheGatewayIsTold(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		spans := tracetest.NewInMemoryExporter()
		traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		ctx := tracing.Extract(t.Context(), http.Header{
			"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "Tracestate": {"vendor=1"},
		})
		ctx, order := tracing.Begin(ctx, traces, "order", tracing.Server)
		request(ctx, g.client, paymentID, charge())
		order.End(nil)
		g.was(post, find, post, find)
		all := spans.GetSpans()
		for i, want := range []struct {
			name   string
			status codes.Code
		}{{"gateway request", codes.Error}, {"gateway find", codes.Unset}, {"gateway request", codes.Unset}} {
			if all[i].Name != want.name || all[i].Status.Code != want.status || all[i].Parent.SpanID() != all[4].SpanContext.SpanID() {
				t.Errorf("span %d: %s %+v within %v", i, all[i].Name, all[i].Status, all[i].Parent.SpanID())
			}
			told := tracing.Extract(t.Context(), g.heads[i])
			if tracing.Parent(told) != "00-"+all[i].SpanContext.TraceID().String()+"-"+all[i].SpanContext.SpanID().String()+"-01" ||
				g.heads[i].Get("Tracestate") != "vendor=1" {
				t.Errorf("call %d: %v", i, g.heads[i])
			}
		}
	}, append([]http.HandlerFunc{fails(), notFound()}, shows(t, http.StatusBadRequest, "refused"), notFound())...)
}

func TestWithoutTracesTheGatewayIsToldNone(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		ctx := tracing.Continue(g.t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		request(ctx, g.client, paymentID, charge())
		if got := g.heads[0].Get(pgwire.TraceHeader); got != "" {
			g.t.Errorf("traceparent = %q", got)
		}
	}, shows(t, http.StatusOK, "accepted"))
}
