package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// middleware is what every request passes first: it is traced, timed, logged,
// bounded and routed, and whatever goes wrong ends in a problem.
type middleware struct {
	service *service

	mux      *http.ServeMux
	duration *prometheus.HistogramVec
}

func newMiddleware(s *service, mux *http.ServeMux) (*middleware, error) {
	f := &middleware{service: s, mux: mux, duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "commerce_http_request_duration_seconds", Help: "How long requests took to answer.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route", "status"})}
	if err := s.config.Registerer.Register(f.duration); err != nil {
		return nil, fmt.Errorf("metrics of the API: %w", err)
	}
	return f, nil
}

// ServeHTTP implements http.Handler.
func (f *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, t := f.service.config.Clock(), newTrace(r.Header.Get("Traceparent"), f.service.config.IDs)
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), traceKey{}, t), f.service.config.Limits.Time)
	defer cancel()
	r = r.WithContext(ctx)
	w.Header().Set("Traceresponse", t.String())
	w.Header().Set("X-Trace-Id", t.id())
	w.Header().Set("X-Content-Type-Options", "nosniff")
	rec := &statusRecorder{ResponseWriter: w}
	handler, pattern := f.mux.Handler(r)
	f.serveSafely(rec, r, handler, pattern)
	f.observe(r, rec.status, pattern, f.service.config.Clock().Sub(began).Seconds())
}

// serveSafely serves the request and answers for a panic.
func (f *middleware) serveSafely(w *statusRecorder, r *http.Request, h http.Handler, pattern string) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if cause, ok := v.(error); ok && errors.Is(cause, http.ErrAbortHandler) || w.status != 0 {
			panic(http.ErrAbortHandler) //nolint:forbidigo // the way to cut an answer that has begun
		}
		f.service.writeProblem(w, r, f.service.problem(r.Context(), fmt.Errorf("panic: %v\n%s", v, debug.Stack())))
	}()
	switch p := malformedURL(r); {
	case p != nil:
		f.service.writeProblem(w, r, p)
	case pattern == "":
		f.service.writeProblem(w, r, routingProblem(r, h))
	default:
		f.mux.ServeHTTP(w, r)
	}
}

// malformedURL is the problem with a URL whose text no database could keep.
func malformedURL(r *http.Request) *problem {
	values, err := url.ParseQuery(r.URL.RawQuery)
	ok := err == nil && validText(r.URL.Path)
	for name, list := range values {
		ok = ok && validText(name) && validText(strings.Join(list, ""))
	}
	if ok {
		return nil
	}
	return newProblem(r.Context(), http.StatusBadRequest, "MALFORMED_URL", "the URL must be UTF-8, well escaped and without NUL")
}

func validText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// routingProblem asks the mux's own refusal what it would say, and says it as a problem.
func routingProblem(r *http.Request, h http.Handler) *problem {
	said := &muxResponse{header: http.Header{}}
	h.ServeHTTP(said, r)
	if said.status != http.StatusMethodNotAllowed {
		return routeNotFound(r)
	}
	p := newProblem(r.Context(), said.status, "METHOD_NOT_ALLOWED", "this path does not know the method "+r.Method)
	p.headers.Set("Allow", said.header.Get("Allow"))
	return p
}

func routeNotFound(r *http.Request) *problem {
	return newProblem(r.Context(), http.StatusNotFound, "ROUTE_NOT_FOUND", "there is nothing at this path")
}

// observe counts and logs the request by its route: a path would make a metric
// of every product.
func (f *middleware) observe(r *http.Request, status int, pattern string, seconds float64) {
	method, route, registered := strings.Cut(pattern, " ")
	if !registered {
		method, route = "", "other"
	}
	f.duration.WithLabelValues(method, route, strconv.Itoa(status)).Observe(seconds)
	f.service.config.Log.DebugContext(r.Context(), "request", "method", r.Method, "route", route, "status", status,
		"seconds", seconds, "traceId", traceOf(r.Context()).id())
}

// statusRecorder remembers the status that was answered.
type statusRecorder struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *statusRecorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *statusRecorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// muxResponse hears what the mux says to a request without a route.
type muxResponse struct {
	header http.Header
	status int
}

func (r *muxResponse) Header() http.Header         { return r.header }
func (r *muxResponse) Write(b []byte) (int, error) { return len(b), nil }
func (r *muxResponse) WriteHeader(status int)      { r.status = status }
