package batch

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// statusEvery is how often the state of the published rankings is read.
const statusEvery = 15 * time.Second

// rankingStatus exports the state of the published rankings. It implements
// prometheus.Collector. Ages grow also while the database cannot be read.
type rankingStatus struct {
	read       func(ctx context.Context) (map[ranking.Kind]rollup.Status, error)
	now        clock.Clock
	log        *slog.Logger
	age, stale *prometheus.Desc

	mu     sync.Mutex
	known  map[ranking.Kind]rollup.Status // nil: not read yet
	readAt time.Time
}

// exportStatus registers the metrics of the published rankings.
func exportStatus(u wire.Infra) (*rankingStatus, error) {
	s := newStatus(Published(u).Status, u.Env.Clock, u.Env.Log)
	if err := u.Env.Registry.Register(s); err != nil {
		return nil, fmt.Errorf("register the metrics of the published rankings: %w", err)
	}
	return s, nil
}

func newStatus(read func(context.Context) (map[ranking.Kind]rollup.Status, error), now clock.Clock, log *slog.Logger) *rankingStatus {
	labels := []string{"period"}
	return &rankingStatus{
		read: read, now: now, log: log,
		age: prometheus.NewDesc("commerce_ranking_published_age_seconds",
			"How old the counters are that the newest published ranking of each kind of period was made from.", labels, nil),
		stale: prometheus.NewDesc("commerce_ranking_stale_periods",
			"Periods that are over and whose published ranking is missing or stale.", labels, nil),
	}
}

// run reads the state again and again until ctx ends.
func (s *rankingStatus) run(ctx context.Context) error {
	outage.New(s.log, "read the state of the published rankings").Repeat(ctx, statusEvery, s.refresh)
	return nil
}

func (s *rankingStatus) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, statusEvery)
	defer cancel()
	at := s.now()
	found, err := s.read(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.readAt = found, at
	return nil
}

// Describe implements prometheus.Collector.
func (s *rankingStatus) Describe(to chan<- *prometheus.Desc) { to <- s.age; to <- s.stale }

// Collect implements prometheus.Collector.
func (s *rankingStatus) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	known, since := maps.Clone(s.known), s.now().Sub(s.readAt)
	s.mu.Unlock()
	for kind, k := range known {
		to <- prometheus.MustNewConstMetric(s.stale, prometheus.GaugeValue, float64(len(k.Stale)), string(kind))
		if k.Age > 0 { // something is published
			to <- prometheus.MustNewConstMetric(s.age, prometheus.GaugeValue, (k.Age + since).Seconds(), string(kind))
		}
	}
}
