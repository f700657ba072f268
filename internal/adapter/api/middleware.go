package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// middleware handles every request first: it refuses what would wait too long, adds a trace, a deadline, logging and
// a metric, routes the request, and turns panics and unknown routes into problems.
type middleware struct {
	service *service

	mux      *http.ServeMux
	duration *prometheus.HistogramVec
}

func newMiddleware(s *service, mux *http.ServeMux) (*middleware, error) {
	m := &middleware{service: s, mux: mux, duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "commerce_http_request_duration_seconds", Help: "Duration of HTTP requests in seconds.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route", "status"})}
	if err := s.config.Registerer.Register(m.duration); err != nil {
		return nil, fmt.Errorf("register the metrics of the API: %w", err)
	}
	return m, nil
}

// ServeHTTP implements http.Handler.
func (m *middleware) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := m.service.config.Clock()
	handler, pattern := m.route(r)
	if d, has := m.service.doors.routes[pattern]; has && d.full() {
		m.refuse(w, r, d, pattern, start)
		return
	}
	r, span := m.traced(w, r, pattern)
	rec := &statusRecorder{ResponseWriter: w}
	defer func() { endSpan(span, rec.status) }()
	if pattern != streamPattern {
		ctx, cancel := context.WithTimeout(r.Context(), m.service.config.Limits.Time)
		defer cancel()
		r = r.WithContext(ctx)
	}
	w.Header()["X-Content-Type-Options"], w.Header()["Cache-Control"] = noSniff, notKept
	m.serveSafely(rec, r, handler, pattern)
	m.observe(r, rec.status, pattern, m.service.config.Clock().Sub(start).Seconds())
}

// route returns the handler and the pattern of a request. A path that the mux would redirect to another one, as
// //api or /a/../api, does not exist: no link leads there.
func (m *middleware) route(r *http.Request) (http.Handler, string) {
	asked := r.URL.EscapedPath()
	if cleaned := path.Clean("/" + asked); cleaned != strings.TrimSuffix(asked, "/") && cleaned != asked {
		return http.NotFoundHandler(), ""
	}
	return m.mux.Handler(r)
}

// serveSafely serves the request and turns a panic into a problem.
func (m *middleware) serveSafely(w *statusRecorder, r *http.Request, h http.Handler, pattern string) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if cause, ok := v.(error); ok && errors.Is(cause, http.ErrAbortHandler) || w.status != 0 {
			panic(http.ErrAbortHandler) //nolint:forbidigo // aborts a response that has started
		}
		m.service.writeProblem(w, r, m.service.problem(r.Context(), fmt.Errorf("panic: %v\n%s", v, debug.Stack())))
	}()
	switch p := malformedURL(r); {
	case p != nil:
		m.service.writeProblem(w, r, p)
	case pattern == "":
		m.service.writeProblem(w, r, routingProblem(r, h))
	case shared(pattern):
		m.serveShared(w, r)
	default:
		m.mux.ServeHTTP(w, r)
	}
}

// malformedURL returns a problem for a URL with text that a database cannot store, else nil.
func malformedURL(r *http.Request) *problem {
	values, err := url.ParseQuery(r.URL.RawQuery)
	ok := err == nil && validText(r.URL.Path)
	for name, list := range values {
		ok = ok && validText(name) && validText(strings.Join(list, ""))
	}
	if ok {
		return nil
	}
	return newProblem(r.Context(), http.StatusBadRequest, "MALFORMED_URL", "the URL must be valid UTF-8, correctly escaped, and without NUL")
}

func validText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// routingProblem returns the problem for a request without a route. It gets the status (404 or 405) and
// the allowed methods from the response of the mux.
func routingProblem(r *http.Request, h http.Handler) *problem {
	captured := &muxResponse{header: http.Header{}}
	h.ServeHTTP(captured, r)
	if captured.status != http.StatusMethodNotAllowed {
		return routeNotFound(r)
	}
	p := newProblem(r.Context(), captured.status, "METHOD_NOT_ALLOWED", "this path does not support the method "+r.Method)
	p.headers.Set("Allow", captured.header.Get("Allow"))
	return p
}

func routeNotFound(r *http.Request) *problem {
	return newProblem(r.Context(), http.StatusNotFound, "ROUTE_NOT_FOUND", "this path does not exist")
}

// observe records the metric and a log line. The label is the route, not the path: a path would create
// a time series per product.
func (m *middleware) observe(r *http.Request, status int, pattern string, seconds float64) {
	method, route, registered := strings.Cut(pattern, " ")
	if !registered {
		method, route = "", "other"
	}
	if pattern != streamPattern || status >= http.StatusBadRequest { // a stream lasts as long as the client likes
		m.duration.WithLabelValues(method, route, strconv.Itoa(status)).Observe(seconds)
	}
	m.service.config.Log.DebugContext(r.Context(), "request", "method", r.Method, "route", route, "status", status,
		"seconds", seconds)
}

// statusRecorder records the status of the response.
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

// Unwrap supports http.ResponseController.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// muxResponse captures the response of the mux to a request without a route.
type muxResponse struct {
	header http.Header
	status int
}

func (r *muxResponse) Header() http.Header         { return r.header }
func (r *muxResponse) Write(b []byte) (int, error) { return len(b), nil }
func (r *muxResponse) WriteHeader(status int)      { r.status = status }
