package ranking_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// schedule draws up to four changes around a day, at noon, between three weights.
func schedule(t *rapid.T) ranking.Schedule {
	var changes []ranking.WeightsChange
	at := day.Add(-9).Start().Add(12 * time.Hour)
	for i := range rapid.IntRange(0, 4).Draw(t, "changes") {
		at = at.AddDate(0, 0, rapid.IntRange(0, 4).Draw(t, "days later"))
		w := ranking.Weights{View: rapid.Int64Range(1, 3).Draw(t, "view")}
		changes = append(changes, ranking.WeightsChange{ID: int64(i + 1), At: at, Weights: w})
	}
	return ranking.NewSchedule(changes...)
}

// A published ranking is stale if its fingerprint is another one: the same change on
// another day must have another one.
func TestSchedulesWithOneFingerprintHaveTheSameWeightsOnEachDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := schedule(t), schedule(t)
		for _, kind := range ranking.Kinds() {
			p := ranking.PeriodOf(kind, day)
			same := true
			first, last := p.Counted()
			for _, d := range first.Until(last) {
				same = same && a.On(d).Weights == b.On(d).Weights
			}
			if named := a.Fingerprint(p) == b.Fingerprint(p); named != same {
				t.Errorf("%s: the weights are the same: %t; the fingerprints %q and %q", p.Key(), same, a.Fingerprint(p), b.Fingerprint(p))
			}
		}
	})
}
