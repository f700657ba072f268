// Package manage serves the port for those who run a program: is it alive, can
// it do its job, what has it done, and where does it spend its time.
package manage

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that a program uses.
type Check struct {
	Name string
	Ask  func(ctx context.Context) error
	// Optional says that the program does its job without it, only less well.
	Optional bool
}

// patience is how long a check may take before it counts as missing.
const patience = 2 * time.Second

// Registry returns a registry that already tells of the process.
func Registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Handler serves /healthz, /readyz, /metrics and /debug/pprof.
func Handler(registry *prometheus.Registry, checks []Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { ready(w, r, checks) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// ready answers 200, or 503 with what is missing and why; and in either case
// what is away that the program can do without.
func ready(w http.ResponseWriter, r *http.Request, checks []Check) {
	missing, degraded := ask(r.Context(), checks)
	status, word := http.StatusOK, "ready"
	if len(missing) > 0 {
		status, word = http.StatusServiceUnavailable, "not ready"
	}
	answer(w, status, map[string]any{"status": word, "missing": missing, "degraded": degraded})
}

// ask puts all questions at once and returns what does not answer, and why, by
// name: what the program cannot do without, and what it can.
func ask(ctx context.Context, checks []Check) (missing, degraded map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	missing, degraded = map[string]string{}, map[string]string{}
	for _, c := range checks {
		wg.Go(func() {
			if err := c.Ask(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if c.Optional {
					degraded[c.Name] = err.Error()
				} else {
					missing[c.Name] = err.Error()
				}
			}
		})
	}
	wg.Wait()
	return missing, degraded
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Serve serves h on l until ctx ends, then lets requests in flight finish, for
// at most grace.
func Serve(ctx context.Context, l net.Listener, server *http.Server, grace time.Duration, log *slog.Logger) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		log.Warn("some requests did not finish in time", "error", err)
		return server.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
