package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

// traced returns the request within its trace: that of its headers or a new one. The
// answer tells the client where in the trace the request is.
func (m *middleware) traced(w http.ResponseWriter, r *http.Request, pattern string) (*http.Request, tracing.Span) {
	ctx, span := m.span(tracing.Extract(r.Context(), r.Header), r, pattern)
	w.Header().Set("Traceresponse", tracing.Parent(ctx))
	w.Header().Set("X-Trace-Id", tracing.ID(ctx))
	return r.WithContext(ctx), span
}

// span begins the span of a request, if traces are recorded. A stream has none: it would
// last as long as the client likes.
func (m *middleware) span(ctx context.Context, r *http.Request, pattern string) (context.Context, tracing.Span) {
	c := m.service.config
	if c.Traces == nil || pattern == streamPattern {
		return tracing.Unrecorded(ctx, c.IDs), tracing.Span{}
	}
	method, route, registered := strings.Cut(pattern, " ")
	name := pattern
	if !registered {
		name, method = "HTTP", "_OTHER" // what a client may invent is no name
	}
	ctx, span := tracing.Begin(ctx, c.Traces, name, tracing.Server)
	span.Text(semconv.HTTPRequestMethodKey, method)
	span.Text(semconv.URLPathKey, r.URL.Path)
	span.Text(semconv.URLSchemeKey, "http")
	if registered {
		span.Text(semconv.HTTPRouteKey, route)
	}
	return ctx, span
}

// endSpan ends the span of a request. The answers 4xx are no failures of the server.
func endSpan(span tracing.Span, status int) {
	if status == 0 {
		status = http.StatusOK // of an answer without a body
	}
	span.Int(semconv.HTTPResponseStatusCodeKey, status)
	if status >= http.StatusInternalServerError {
		span.Fail(strconv.Itoa(status), http.StatusText(status))
	}
	span.End(nil)
}
