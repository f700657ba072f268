package checkout

import (
	"context"
	"slices"

	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// MaxWaiting is how many orders wait at most.
const MaxWaiting = maxWaiting

// Placement is the outcome of an order.
type Placement struct {
	Order order.Order
	Err   error
}

// PlaceTogether places orders in one group. The callers of those that are gone do not wait
// any more.
func (s *Service) PlaceTogether(ctx context.Context, requests []Request, guards []store.Guard, gone ...int) []Placement {
	ended, end := context.WithCancel(ctx)
	end()
	group := make([]*placement, len(requests))
	for i, r := range requests {
		basket, err := order.NewBasket(r.Lines)
		if err != nil {
			panic(err)
		}
		group[i] = newPlacement(ctx, r, basket, guards[i], s.charger)
		if slices.Contains(gone, i) {
			group[i].ctx = ended
		}
	}
	s.placeGroup(group, row{})
	outcomes := make([]Placement, len(group))
	for i, p := range group {
		if p.blocked != (row{}) { // nobody holds anything: the row does not exist
			s.placeGroup([]*placement{p}, p.blocked)
		}
		s.answer(p)
		outcomes[i].Order, outcomes[i].Err = p.outcome()
	}
	return outcomes
}
