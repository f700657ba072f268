package deadletters

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

// Meter shows how many letters there are.
type Meter interface {
	Show(all []deadletter.Summary, now time.Time)
}

// watchInterval is how often the letters are counted.
const watchInterval = 15 * time.Second

// Watch shows how many letters there are until ctx ends.
func (s *Service) Watch(ctx context.Context, m Meter) error {
	failing := outage.New(s.log, "count the dead letters")
	for {
		if all, err := s.Summaries(ctx); err == nil {
			m.Show(all, s.now())
			failing.Recovered()
		} else if ctx.Err() == nil {
			failing.Failed(err)
		}
		if !backoff.Wait(ctx, watchInterval) {
			return nil
		}
	}
}
