// Package manage serves the management port of a program: health, readiness,
// metrics and profiles.
package manage

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Registry returns a registry with the metrics of the process and of Go.
func Registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister( // cannot panic: the registry is new
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Page is a page of a program's own.
type Page struct {
	Pattern string // of http.ServeMux
	Handler http.Handler
}

// Handler serves /healthz, /readyz, /metrics and /debug/pprof, and the pages of the program.
func Handler(registry *prometheus.Registry, health *Health, pages ...Page) http.Handler {
	mux := http.NewServeMux()
	for _, p := range pages {
		mux.Handle(p.Pattern, p.Handler)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, health) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ready answers 200, or 503 if a required check fails. The body names the checks that
// fail with their errors: required ones as missing, optional ones as degraded.
func ready(w http.ResponseWriter, r *http.Request, health *Health) {
	found := health.ask(r.Context())
	status, text := http.StatusOK, "ready"
	if len(found.missing) > 0 {
		status, text = http.StatusServiceUnavailable, "not ready"
	}
	answer(w, status, map[string]any{"status": text, "missing": found.missing, "degraded": found.degraded})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Serve serves on l until ctx ends. Then it waits for the running requests, for at
// most grace.
func Serve(ctx context.Context, l net.Listener, server *http.Server, grace time.Duration, log *slog.Logger) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(timeout); err != nil {
		log.Warn("requests did not finish in time and were aborted", "error", err)
		return server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
