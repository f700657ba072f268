package kafka

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

// LetterMeter exports the index of the dead letters.
type LetterMeter struct {
	letters, replays, oldest, expiry *prometheus.GaugeVec
}

// NewLetterMeter registers the metrics of the dead letters in r. A registry can hold them
// once.
func NewLetterMeter(r prometheus.Registerer) (*LetterMeter, error) {
	m := &LetterMeter{
		letters: gauge("dead_letters", "Dead letters in the index, by state: NEW, REPLAYED or DISCARDED.", "state"),
		replays: gauge("dead_letters_replays", "How often the dead letters in the index were replayed, together."),
		oldest:  gauge("dead_letters_oldest_seconds", "Age of the oldest new dead letter, in seconds; 0: there is none."),
		expiry: gauge("dead_letters_expiry_seconds",
			"Seconds until Kafka deletes the first record of a new dead letter; negative once that may have happened. "+
				"Missing if there is none, or if the topics keep their records for ever."),
	}
	return m, register(r, m.letters, m.replays, m.oldest, m.expiry)
}

// Show sets the metrics to the index as it is now.
func (m *LetterMeter) Show(all []deadletter.Summary, now time.Time) {
	var replays int64
	counts := map[deadletter.State]deadletter.Summary{}
	for _, s := range all {
		counts[s.State] = s
		replays += s.Replays
	}
	for _, state := range deadletter.States() {
		m.letters.WithLabelValues(string(state)).Set(float64(counts[state].Letters))
	}
	m.replays.WithLabelValues().Set(float64(replays))
	waiting, there := counts[deadletter.New]
	m.oldest.WithLabelValues().Set(0)
	if there {
		m.oldest.WithLabelValues().Set(now.Sub(waiting.Oldest).Seconds())
	}
	m.expiry.DeleteLabelValues()
	if waiting.Expires != nil {
		m.expiry.WithLabelValues().Set(waiting.Expires.Sub(now).Seconds())
	}
}
