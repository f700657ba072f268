package wire

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
)

// flushTimeout is how long a program that stops waits for the collector.
const flushTimeout = 3 * time.Second

// WithTraces returns the environment with traces that are sent to the collector of the
// configuration, if there is one, and handed to the others that are given. flush sends
// what is left. It is called once all components have stopped.
//
// Sampling, limits and the like follow the variables OTEL_... of the SDK. Spans wait in a
// queue of bounded length, and those that do not fit are dropped: no request waits for the
// collector.
func (e Env) WithTraces(ctx context.Context, program string, c config.Traces, others ...sdktrace.SpanProcessor) (traced Env, flush func(), err error) {
	var to []sdktrace.TracerProviderOption
	for _, other := range others {
		to = append(to, sdktrace.WithSpanProcessor(other))
	}
	if c.OTELExporterOTLPEndpoint.Get() != "" {
		exporter, err := newExporter(ctx, c)
		if err != nil {
			return e, nil, fmt.Errorf("traces: %w", err)
		}
		to = append(to, sdktrace.WithBatcher(collector{exporter, outage.New(e.Log, "send traces to the collector")}))
	}
	if len(to) == 0 {
		return e, func() {}, nil
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(program), semconv.ServiceVersion(Version()), semconv.ServiceInstanceID(e.Instance)),
		resource.WithFromEnv()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come last: they win
	if err != nil {
		return e, nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(append(to, sdktrace.WithResource(about))...)
	e.Traces = provider
	return e, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			e.Log.Warn("the last spans were not sent to the collector", "error", err)
		}
	}, nil
}

// newExporter returns a client of the collector. It does not connect yet.
func newExporter(ctx context.Context, c config.Traces) (sdktrace.SpanExporter, error) {
	url := strings.TrimSuffix(c.OTELExporterOTLPEndpoint.Get(), "/")
	if c.OTELExporterOTLPProtocol == "grpc" {
		return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(url))
	}
	return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(url+"/v1/traces"))
}

// collector is where spans are sent to. An outage is logged when it begins and when it
// ends; its spans are lost.
type collector struct {
	sdktrace.SpanExporter

	failing *outage.Log
}

// ExportSpans implements sdktrace.SpanExporter. The SDK calls it once at a time.
func (c collector) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := c.SpanExporter.ExportSpans(ctx, spans); err != nil {
		c.failing.Failed(err)
	} else {
		c.failing.Recovered()
	}
	return nil
}
