package tracing_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	traceparent = "00-" + traceID + "-b7ad6b7169203331-01"
)

// recorder returns what spans are recorded with, and where they are found.
func recorder() (*sdktrace.TracerProvider, *tracetest.InMemoryExporter) {
	spans := tracetest.NewInMemoryExporter()
	return sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), spans
}

func ids() id.Source { return id.NewSource(time.Now, rand.Reader) }

func TestATraceparentThatIsMalformedIsNoTrace(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "nonsense", "ff-" + traceID + "-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-" + traceID + "-0000000000000000-01", "00-" + strings.ToUpper(traceID) + "-b7ad6b7169203331-01", traceparent + "-more",
	} {
		if ctx := tracing.Continue(t.Context(), bad); ctx != t.Context() || tracing.Parent(ctx) != "" || tracing.ID(ctx) != "" {
			t.Errorf("%q is the trace %q", bad, tracing.Parent(ctx))
		}
	}
	if got := tracing.Parent(tracing.Continue(t.Context(), traceparent)); got != traceparent {
		t.Errorf("traceparent = %q", got)
	}
}

func TestARequestThatIsNotRecordedHasAPlaceInItsTrace(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		traceparent: "00-" + traceID + "-*-01", "00-" + traceID + "-b7ad6b7169203331-00": "00-" + traceID + "-*-00", "": "00-*-*-01",
	} {
		ctx := tracing.Unrecorded(tracing.Continue(t.Context(), given), ids())
		parts := strings.Split(tracing.Parent(ctx), "-")
		if len(parts) != 4 || parts[1] != tracing.ID(ctx) || parts[2] == "b7ad6b7169203331" {
			t.Errorf("after %q: %v", given, parts)
			continue
		}
		if parts[2] = "*"; given == "" {
			parts[1] = "*"
		}
		if got := strings.Join(parts, "-"); got != want {
			t.Errorf("after %q: %s, want %s", given, got, want)
		}
	}
}

func TestATraceGoesOnToOthersOnlyIfItIsRecorded(t *testing.T) {
	t.Parallel()
	in := http.Header{"Traceparent": {traceparent}, "Tracestate": {"vendor=1"}}
	ctx, out := tracing.Extract(t.Context(), in), http.Header{}
	tracing.Inject(tracing.Unrecorded(ctx, ids()), out)
	if len(out) > 0 {
		t.Errorf("a trace that is not recorded was sent: %v", out)
	}
	traces, _ := recorder()
	ctx, span := tracing.Begin(ctx, traces, "request", tracing.Server)
	defer span.End(nil)
	tracing.Inject(ctx, out)
	if out.Get("Traceparent") != tracing.Parent(ctx) || !strings.Contains(out.Get("Traceparent"), traceID) || out.Get("Tracestate") != "vendor=1" {
		t.Errorf("headers: %v", out)
	}
}

// Every transaction, every command to Redis and every call of the gateway asks for a span.
// Without a collector that must cost nothing.
func TestSpansThatAreNotRecordedAllocateNothing(t *testing.T) { //nolint:paralleltest // it counts allocations
	for name, ctx := range map[string]context.Context{
		"outside of a trace":       t.Context(),
		"in a trace not recorded":  tracing.Unrecorded(t.Context(), ids()),
		"in a trace from outside":  tracing.Continue(t.Context(), traceparent),
		"of a batch without spans": tracing.Into(t.Context(), tracing.Continue(t.Context(), traceparent)),
	} {
		n := testing.AllocsPerRun(100, func() {
			ctx, span := tracing.Start(ctx, "update", tracing.Client)
			span.Text("db.system.name", "sqlite")
			tracing.Current(ctx).Int("statements", 7)
			span.Fail("500", "failed")
			span.End(nil)
			_, _ = span.Within(ctx), tracing.PlaceOf(ctx)
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	traces, spans := recorder()
	recorded, span := tracing.Begin(b.Context(), traces, "request", tracing.Server)
	defer span.End(nil)
	for name, ctx := range map[string]context.Context{"off": tracing.Unrecorded(b.Context(), ids()), "on": recorded} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, span := tracing.Start(ctx, "update", tracing.Client)
				span.Text("db.system.name", "sqlite")
				span.End(nil)
				spans.Reset()
			}
		})
	}
}
