package manage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/loopers-commerce/commerce/internal/base/panics"
)

// Check tells whether a program can do one thing: it tries it, or looks at how it goes.
type Check struct {
	Name     string
	Probe    func(ctx context.Context) error // nil means that it works
	Optional bool                            // the program works without it, only less well
}

const (
	// probeTimeout bounds a probe; one that takes longer has failed.
	probeTimeout = 2 * time.Second
	// shared is how long an answer is used for all who ask.
	shared = time.Second
)

var errNoAnswer = fmt.Errorf("no answer within %v", probeTimeout)

// Health has the checks of a program. Those who ask at about the same time share an answer.
// What begins and ends to fail is logged. It is a prometheus.Collector: alerts and /readyz
// say the same.
type Health struct {
	checks  []Check
	probing []atomic.Bool // by check: its probe is running
	log     *slog.Logger
	up      *prometheus.Desc

	asking singleflight.Group
	last   atomic.Pointer[findings]
}

// findings is what the checks have found, by the names of those that fail.
type findings struct {
	at                time.Time
	missing, degraded map[string]string
}

// why returns the error of a check, or nothing.
func (f findings) why(check string) string { return f.missing[check] + f.degraded[check] }

// NewHealth returns the health of a program with some checks.
func NewHealth(checks []Check, log *slog.Logger) *Health {
	h := &Health{checks: checks, probing: make([]atomic.Bool, len(checks)), log: log, up: prometheus.NewDesc("commerce_check_up",
		"1: the program can do what a check of /readyz tries; 0: it cannot.", []string{"check", "required"}, nil)}
	h.last.Store(&findings{})
	return h
}

// Describe implements prometheus.Collector.
func (h *Health) Describe(out chan<- *prometheus.Desc) { out <- h.up }

// Collect implements prometheus.Collector.
func (h *Health) Collect(out chan<- prometheus.Metric) {
	found := h.ask(context.Background()) // each probe has a timeout
	for _, c := range h.checks {
		up := 1.0
		if found.why(c.Name) != "" {
			up = 0
		}
		out <- prometheus.MustNewConstMetric(h.up, prometheus.GaugeValue, up, c.Name, fmt.Sprint(!c.Optional))
	}
}

// ask returns what the checks find, or have found a moment ago.
func (h *Health) ask(ctx context.Context) findings {
	if h == nil {
		return findings{missing: map[string]string{}, degraded: map[string]string{}}
	}
	if last := h.last.Load(); time.Since(last.at) < shared {
		return *last
	}
	found, _, _ := h.asking.Do("", func() (any, error) {
		now := h.probe(context.WithoutCancel(ctx))
		h.report(*h.last.Load(), now)
		h.last.Store(&now)
		return now, nil
	})
	return found.(findings) //nolint:forcetypeassert,errcheck // see above
}

// report logs what has changed.
func (h *Health) report(before, now findings) {
	for name, why := range now.missing {
		if before.missing[name] == "" {
			h.log.Error("not ready", "check", name, "error", why)
		}
	}
	for name, why := range now.degraded {
		if before.degraded[name] == "" {
			h.log.Warn("degraded", "check", name, "error", why)
		}
	}
	for _, c := range h.checks {
		if before.why(c.Name) != "" && now.why(c.Name) == "" {
			h.log.Info("works again", "check", c.Name)
		}
	}
}

// probe runs all checks at once. One that does not heed its context does not delay the
// answer.
func (h *Health) probe(ctx context.Context) findings {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	found := findings{missing: map[string]string{}, degraded: map[string]string{}}
	errs := make([]error, len(h.checks))
	var all sync.WaitGroup
	for i := range h.checks {
		all.Go(func() { errs[i] = h.try(ctx, i) })
	}
	all.Wait()
	for i, c := range h.checks {
		switch {
		case errs[i] == nil:
		case c.Optional:
			found.degraded[c.Name] = errs[i].Error()
		default:
			found.missing[c.Name] = errs[i].Error()
		}
	}
	found.at = time.Now()
	return found
}

// try runs the probe of a check until ctx ends. One that is still running since the last time
// has no answer.
func (h *Health) try(ctx context.Context, i int) error {
	if !h.probing[i].CompareAndSwap(false, true) {
		return errNoAnswer
	}
	done := make(chan error, 1)
	go func() {
		defer h.probing[i].Store(false)
		done <- panics.Caught(func() error { return h.checks[i].Probe(ctx) })
	}()
	select {
	case err := <-done:
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			return fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		return err
	case <-ctx.Done():
		return errNoAnswer
	}
}
