package api

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/base/coded"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
)

const debugLevel = slog.LevelDebug

// outcomes are where the time of a route's answers is noted, found once.
type outcomes struct {
	route           string
	ok, notModified prometheus.Observer
}

func (m *middleware) outcomesOf(route string) outcomes {
	of := func(status string) prometheus.Observer {
		return m.duration.WithLabelValues(http.MethodGet, route, status)
	}
	return outcomes{route, of("200"), of("304")}
}

// nearAnswer is one answer.
type nearAnswer struct {
	cache *nearCache
	w     http.ResponseWriter
	r     *http.Request
	start time.Time
	kind  kind

	status int
}

// begin writes the headers that every answer has, and begins a span if traces are recorded.
func (a *nearAnswer) begin() tracing.Span {
	m, header := a.cache.middleware, a.w.Header()
	header["X-Content-Type-Options"], header["Cache-Control"] = noSniff, notKept
	c := m.service.config
	if c.Traces == nil && a.r.Header["Traceparent"] == nil {
		parent := tracing.NewParent(c.IDs)
		values := &[2]string{parent, tracing.IDOf(parent)}
		header["Traceresponse"], header["X-Trace-Id"] = values[0:1:1], values[1:2:2]
		return tracing.Span{}
	}
	var span tracing.Span
	a.r, span = m.traced(a.w, a.r, http.MethodGet+" "+nearPaths[a.kind])
	return span
}

// send sends an answer, or 304 to somebody who has it.
func (a *nearAnswer) send(of *coded.Answer) {
	o := &a.cache.outcomes[a.kind]
	if status := sendShared(a.w, a.r, of); status == http.StatusNotModified {
		a.note(o, status, o.notModified)
	} else {
		a.note(o, status, o.ok)
	}
}

// fail sends the problem that a use case has.
func (a *nearAnswer) fail(err error) {
	ctx := a.traced()
	p := a.cache.service.problem(ctx, err)
	a.cache.service.writeProblem(a.w, a.r.WithContext(ctx), p)
	o := &a.cache.outcomes[a.kind]
	a.note(o, p.Status, a.cache.middleware.duration.WithLabelValues(http.MethodGet, o.route, strconv.Itoa(p.Status)))
}

func (a *nearAnswer) note(o *outcomes, status int, in prometheus.Observer) {
	a.status = status
	seconds := a.cache.service.config.Clock().Sub(a.start).Seconds()
	in.Observe(seconds)
	if a.cache.debug {
		a.cache.service.config.Log.DebugContext(a.traced(), "request", "method", a.r.Method, "route", o.route, "status", status, "seconds", seconds)
	}
}

// traced returns the context of the request within its trace.
func (a *nearAnswer) traced() context.Context {
	if ctx := a.r.Context(); tracing.ID(ctx) != "" {
		return ctx
	}
	return tracing.Continue(a.r.Context(), a.w.Header().Get("Traceresponse"))
}
