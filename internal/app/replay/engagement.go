package replay

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/loopers-commerce/commerce/internal/domain/order"
)

// engagement chooses the products that customers view and like. The choice depends only on the
// seed and the invoice, so it is the same for every number of workers.
type engagement struct {
	views, likes float64
	seed         uint64
	all          []int64
}

func newEngagement(products map[string]Product, o Options) engagement {
	e := engagement{views: o.ViewsPerOrder, likes: o.LikesPerOrder, seed: o.Seed}
	for _, sku := range slices.Sorted(maps.Keys(products)) {
		e.all = append(e.all, products[sku].ID)
	}
	return e
}

// choose returns the products that the customer of an invoice views and likes: alternately one of
// the bought products and one of all products.
func (e engagement) choose(number string, bought []order.Want) (views, likes []int64) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(number))                // a hash never fails
	r := rand.New(rand.NewPCG(e.seed, h.Sum64())) //nolint:gosec // reproducible on purpose
	return e.pick(r, e.views, bought), e.pick(r, e.likes, bought)
}

func (e engagement) pick(r *rand.Rand, average float64, bought []order.Want) []int64 {
	n := int(average)
	if r.Float64() < average-float64(n) {
		n++
	}
	picked := make([]int64, n)
	for i := range picked {
		if i%2 == 0 {
			picked[i] = bought[r.IntN(len(bought))].ProductID
		} else {
			picked[i] = e.all[r.IntN(len(e.all))]
		}
	}
	return picked
}
