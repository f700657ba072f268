package api

import (
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/adapter/api/near"
)

// export registers the metrics of the near cache.
func (n *nearCache) export(r prometheus.Registerer) error {
	collectors := []prometheus.Collector{gauge("near_oldest_seconds",
		"Highest age of a product in the near cache when it was refreshed last. At 1 it is read when somebody asks for it.",
		"products", func() float64 { return n.products.Oldest().Seconds() })}
	for kind, c := range map[string]*near.Counts{"products": &n.products.Counts, "pages": &n.pages.Counts} {
		for result, count := range map[string]*atomic.Int64{"hit": &c.Hits, "miss": &c.Misses, "stale": &c.Stale, "dropped": &c.Dropped} {
			collectors = append(collectors, prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name: "commerce_near_total", Help: "Near cache: answers from memory (hit) and read (miss), entries found to differ from the database (stale), changes that dropped entries (dropped).",
				ConstLabels: prometheus.Labels{"kind": kind, "result": result},
			}, func() float64 { return float64(count.Load()) }))
		}
	}
	bytes := "Memory of the entries of the near cache, estimated."
	collectors = append(collectors,
		gauge("near_bytes", bytes, "products", func() float64 { return float64(n.products.Bytes()) }),
		gauge("near_bytes", bytes, "pages", func() float64 { return float64(n.pages.Bytes()) }))
	for _, c := range collectors {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register the metrics of the near cache: %w", err)
		}
	}
	return nil
}

func gauge(name, help, kind string, read func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "commerce_" + name, Help: help, ConstLabels: prometheus.Labels{"kind": kind},
	}, read)
}
