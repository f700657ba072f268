package scoring

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// EventsBehind returns up to limit events that the score of a product counts in the
// period of a kind that a day is in, newest first. Orders count on the day of their
// payment, cancelled ones as well. The events name customers: they are for operators.
// The log has events of the last months only.
func (s *Service) EventsBehind(ctx context.Context, kind ranking.Kind, day clock.Day, productID int64, limit int) (found []store.CountedEvent, err error) {
	first, last := ranking.PeriodOf(kind, day).Counted()
	f := store.EventFilter{
		Types: []string{event.ProductViewed{}.Type(), event.ProductLiked{}.Type(), event.ProductUnliked{}.Type()},
		From:  first.Start(), To: last.Add(1).Start(),
	}
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		found, err = tx.Events.OfProduct(ctx, productID, f, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find the events behind the score of product %d: %w", productID, err)
	}
	return found, nil
}
