package replay

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/loopers-commerce/commerce/internal/domain/order"
)

// taste says what customers look at and like. It depends on the seed and the
// invoice alone, so that it is the same however many are served at once.
type taste struct {
	views, likes float64
	seed         uint64
	all          []int64
}

func newTaste(products map[string]Product, o Options) taste {
	t := taste{views: o.ViewsPerOrder, likes: o.LikesPerOrder, seed: o.Seed}
	for _, sku := range slices.Sorted(maps.Keys(products)) {
		t.all = append(t.all, products[sku].ID)
	}
	return t
}

// of returns which products the customer of an invoice looks at and likes: by
// turns one that they bought and any of the shop.
func (t taste) of(number string, bought []order.Want) (views, likes []int64) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(number))                // a hash never fails
	r := rand.New(rand.NewPCG(t.seed, h.Sum64())) //nolint:gosec // a seeded world, not a secret
	return t.pick(r, t.views, bought), t.pick(r, t.likes, bought)
}

func (t taste) pick(r *rand.Rand, average float64, bought []order.Want) []int64 {
	n := int(average)
	if r.Float64() < average-float64(n) {
		n++
	}
	picked := make([]int64, n)
	for i := range picked {
		if i%2 == 0 {
			picked[i] = bought[r.IntN(len(bought))].ProductID
		} else {
			picked[i] = t.all[r.IntN(len(t.all))]
		}
	}
	return picked
}
