package wire_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/test/kit/collectortest"
)

// to returns the configuration that a program with this collector reads.
func to(t *testing.T, url string) config.Traces {
	t.Helper()
	var c struct{ config.Traces }
	args := []string{"--otel-exporter-otlp-endpoint=" + url}
	if _, err := config.Read(&c, config.About{Name: "shop"}, args, func(string) string { return "" }, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	return c.Traces
}

// logTo returns an environment with a log that a test can read.
func logTo(w io.Writer) wire.Env { return wire.NewEnv(slog.New(slog.NewTextHandler(w, nil))) }

// spans records n spans, one within the other.
func spans(ctx context.Context, traces trace.TracerProvider, n int) {
	ctx, outer := tracing.Begin(ctx, traces, "POST /orders", tracing.Server)
	for range n - 1 {
		_, span := tracing.Start(ctx, "update", tracing.Client)
		span.End(nil)
	}
	outer.End(nil)
}

func TestSpansReachTheCollectorBeforeTheProgramEnds(t *testing.T) {
	t.Parallel()
	collector := collectortest.New(t)
	env, flush, err := env().WithTraces(t.Context(), "commerce-api", to(t, collector.URL+"/"))
	if err != nil {
		t.Fatal(err)
	}
	spans(t.Context(), env.Traces, 2)
	flush()
	got := collector.Spans()
	if len(got) != 2 || got[0].Name != "update" || got[1].Name != "POST /orders" || got[0].Parent != got[1].Span {
		t.Fatalf("spans: %+v", got)
	}
	if got[0].Service != "commerce-api" || got[0].Instance != env.Instance {
		t.Errorf("they are of %s %s", got[0].Service, got[0].Instance)
	}
}

func TestWithoutACollectorThereAreNoTraces(t *testing.T) {
	t.Parallel()
	env, flush, err := env().WithTraces(t.Context(), "commerce-api", to(t, ""))
	if err != nil || env.Traces != nil {
		t.Errorf("%v, %v", env.Traces, err)
	}
	flush()
}

// A collector that accepts connections and never answers is worse than none. Spans beyond
// the queue are dropped, and the program ends in time.
func TestACollectorThatHangsDelaysNeitherWorkNorTheEnd(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	log := &syncBuffer{}
	env, flush, err := logTo(log).WithTraces(t.Context(), "commerce-api", to(t, "http://"+listener.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		spans(t.Context(), env.Traces, 20_000) // ten times what the queue holds
		flush()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the program waits for the collector")
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "the last spans were not sent") {
		t.Errorf("the log:\n%s", log.String())
	}
}

func TestACollectorThatIsAwayIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	calls, ask := 0, make(chan struct{}, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if calls <= 2 {
			w.WriteHeader(http.StatusForbidden) // it is not worth a repetition
		}
		ask <- struct{}{}
	}))
	defer server.Close()
	log := &syncBuffer{}
	env, flush, err := logTo(log).WithTraces(t.Context(), "commerce-api", to(t, server.URL))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		spans(t.Context(), env.Traces, 512) // a whole batch is sent at once
		<-ask
	}
	flush()
	text := log.String()
	if strings.Count(text, "operation failed") != 1 || strings.Count(text, "operation recovered") != 1 || strings.Count(text, "\n") != 2 {
		t.Errorf("the log:\n%s", text)
	}
}

// syncBuffer is a log that several goroutines can write and read.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
