package api_test

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
)

// recorded returns what makes a shop record traces.
func recorded() (*tracetest.InMemoryExporter, func(*api.Config)) {
	spans := tracetest.NewInMemoryExporter()
	return spans, func(c *api.Config) { c.Traces = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)) }
}

// of returns the span of the server with a name.
func of(t *testing.T, spans *tracetest.InMemoryExporter, name string) tracetest.SpanStub {
	t.Helper()
	for _, s := range spans.GetSpans() {
		if s.Name == name && s.SpanKind == trace.SpanKindServer {
			return s
		}
	}
	t.Fatalf("there is no span %s", name)
	return tracetest.SpanStub{}
}

func TestASpanIsNamedByItsRouteAndFailsIfTheServerDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, name string
		err        error
		status     int
		failed     bool
	}{
		{"/api/v1/products/9", "GET /api/v1/products/{id}", nil, 404, false},
		{"/api/v1/elsewhere/9", "HTTP", nil, 404, false},
		{"/api/v1/products?q=%00", "GET /api/v1/products", nil, 400, false},
		{"/api/v1/rankings", "GET /api/v1/rankings", nil, 200, false},
		{"/api/v1/rankings", "GET /api/v1/rankings", fmt.Errorf("a bug"), 500, true},
		{"/api/v1/rankings", "GET /api/v1/rankings", errPanic, 500, true},
	} {
		spans, change := recorded()
		s := open(t, change)
		s.rankings.err = c.err
		a := s.as("").get(c.path).must(t, s, c.status)
		got, attributes := of(t, spans, c.name), map[string]string{}
		for _, v := range got.Attributes {
			attributes[string(v.Key)] = v.Value.String()
		}
		if (got.Status.Code == codes.Error) != c.failed || attributes["http.response.status_code"] != fmt.Sprint(c.status) {
			t.Errorf("%s: %+v %v", c.path, got.Status, attributes)
		}
		if id := got.SpanContext.TraceID().String(); a.header.Get("X-Trace-Id") != id || !strings.Contains(a.header.Get("Traceresponse"), got.SpanContext.SpanID().String()) {
			t.Errorf("the answer names the trace %v, want %s", a.header, id)
		}
		if log := s.log.String(); c.failed && (!strings.Contains(log, "traceId="+a.problem(t).TraceID+" spanId="+got.SpanContext.SpanID().String()) ||
			a.problem(t).TraceID != got.SpanContext.TraceID().String()) {
			t.Errorf("the log does not name the span:\n%s", log)
		}
	}
}

func TestASpanContinuesTheTraceOfTheClientAndItsTransactionsAreWithin(t *testing.T) {
	t.Parallel()
	spans, change := recorded()
	s := stocked(t, change)
	const traceID, client = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	a := s.as("kim").with("Traceparent", "00-"+traceID+"-"+client+"-01").with("Tracestate", "vendor=1").post("/api/v1/products/1/likes", "").must(t, s, 204)
	got := of(t, spans, "POST /api/v1/products/{id}/likes")
	if got.Parent.SpanID().String() != client || got.SpanContext.TraceID().String() != traceID || got.SpanContext.TraceState().String() != "vendor=1" {
		t.Errorf("%v within %v", got.SpanContext, got.Parent)
	}
	events := s.outbox(t)
	last := events[len(events)-1].Envelope.Traceparent
	within := false
	for _, tx := range spans.GetSpans() {
		within = within || tx.Parent.SpanID() == got.SpanContext.SpanID() && tx.Name == "update" &&
			last == "00-"+traceID+"-"+tx.SpanContext.SpanID().String()+"-01"
	}
	if !within || a.header.Get("X-Trace-Id") != traceID {
		t.Errorf("the event has the traceparent %q", last)
	}
	// A client that is not recorded is not recorded here either.
	spans.Reset()
	s.as("kim").with("Traceparent", "00-"+traceID+"-"+client+"-00").get("/api/v1/products").must(t, s, 200)
	if n := len(spans.GetSpans()); n > 0 {
		t.Errorf("%d spans", n)
	}
}

// A stream lasts as long as its client likes: it has an id, and no span.
func TestAStreamHasNoSpan(t *testing.T) {
	t.Parallel()
	spans, change := recorded()
	s := open(t, change)
	s.listen(t, "").close()
	<-s.streams
	if n := len(spans.GetSpans()); n > 0 {
		t.Errorf("%d spans", n)
	}
}
