package rollup

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Mend returns the steps of a job that publishes again what is not as the counters say:
// rankings that are wrong, stale or missing, of the periods that overlap the days. These
// are asked for when a step begins. A step is named after its kind of period. A partition
// whose ranking is right counts as skipped, and changes nothing.
func (s *Service) Mend(days func() (first, last clock.Day)) (steps []batch.Step) {
	for _, kind := range ranking.Kinds() {
		steps = append(steps, s.step(kind, options{days: days, top: topOf(kind)}))
	}
	return steps
}

// mend is the chunk of a step that mends.
func (s *Service) mend(ctx context.Context, tx store.Tx, p part, top int64, c batch.Chunk) (batch.Progress, error) {
	v, err := s.judge(ctx, tx, p.period)
	if err != nil {
		return batch.Progress{}, err
	}
	if !v.Wrong() && !v.Due() {
		return batch.Progress{Counts: batch.Counts{Skipped: 1}, Done: true}, nil
	}
	return s.chunk(ctx, tx, p, top, c)
}
