package batch

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func TestTheAgeOfWhatIsPublishedGrowsAlsoWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	now, away := time.Unix(1_000, 0), false
	s := newStatus(func(context.Context) (map[ranking.Kind]rollup.Status, error) {
		if away {
			return nil, errors.New("the database is away")
		}
		return map[ranking.Kind]rollup.Status{
			ranking.Daily: {Age: time.Minute}, ranking.Weekly: {Age: 2 * time.Minute, Stale: make([]ranking.Period, 3)}, ranking.Monthly: {},
		}, nil
	}, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if got := gathered(t, s); len(got) != 0 {
		t.Errorf("before anything is known: %v", got)
	}
	if err := s.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	now, away = now.Add(time.Hour), true
	if err := s.refresh(t.Context()); err == nil {
		t.Error("a failure is not told")
	}
	want := map[string]float64{
		"commerce_ranking_published_age_seconds daily": 3660, "commerce_ranking_published_age_seconds weekly": 3720,
		"commerce_ranking_stale_periods daily": 0, "commerce_ranking_stale_periods weekly": 3, "commerce_ranking_stale_periods monthly": 0,
	}
	if diff := cmp.Diff(want, gathered(t, s)); diff != "" {
		t.Error(diff)
	}
}

// gathered returns the values of gauges by their names and labels.
func gathered(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			values[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	return values
}
