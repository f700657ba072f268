package rollup

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Status is the state of the published rankings of a kind.
type Status struct {
	// Age is how old the counters of the newest period are; 0 if nothing is published.
	Age time.Duration
	// Stale are the periods that are over, and missing or stale.
	Stale []ranking.Period
}

// Status returns the state of the rankings of each kind, for metrics.
func (s *Service) Status(ctx context.Context) (map[ranking.Kind]Status, error) {
	all := map[ranking.Kind]Status{}
	err := s.config.DB.Snapshot(ctx, func(tx store.Tx) error {
		b, err := s.book(ctx, tx)
		if err != nil {
			return err
		}
		for _, kind := range ranking.Kinds() {
			if all[kind], err = s.status(ctx, tx, b, kind); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

func (s *Service) status(ctx context.Context, tx store.Tx, b book, kind ranking.Kind) (found Status, err error) {
	open, err := due(ctx, tx, b, kind)
	for _, p := range open {
		if b.over(p) {
			found.Stale = append(found.Stale, p)
		}
	}
	if err != nil {
		return found, err
	}
	published, err := publications(ctx, tx, kind)
	var newest ranking.Publication
	for _, p := range published {
		if p.Period.First > newest.Period.First {
			newest = p
		}
	}
	if newest.Rows > 0 || !newest.AsOf.IsZero() {
		found.Age = s.config.Clock().Sub(newest.AsOf)
	}
	return found, err
}
