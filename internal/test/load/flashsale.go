package load

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

func flashSale(ctx context.Context, r *runner, c *crowd, rate float64, lasts time.Duration) (*Result, error) {
	const hot, tenth = 0.6, 10
	pieces := max(10, int64(rate*hot*lasts.Seconds())/tenth)
	product, err := c.offerProduct(ctx, pieces)
	if err != nil {
		return nil, err
	}
	// The product shows as sold out, too, which is what viewers of it check.
	view := decoded(http.StatusOK, c.catalog.detail(product))
	rec := openloop.Run(ctx, r.plan("flash-sale", lasts, openloop.Flow{Rate: rate, Next: func(rng *rand.Rand, n int) openloop.Request {
		const of = 10
		switch kind := rng.IntN(of); {
		case kind < 6:
			return c.hotOrder(n, product)
		case kind < 8:
			return c.request("detail", apiclient.View("", product), view)
		default:
			return c.order(rng, "other order")
		}
	}}))
	ctx = context.WithoutCancel(ctx) // what was measured is checked also if it was cut short
	const errors = 0.001
	return &Result{
		Recording: rec, Effects: append(append(c.sold(ctx, product, pieces, rec), c.kept(ctx)), c.books(nil)...),
		Thresholds: thresholds(rec, errors, map[string]time.Duration{
			"hot order": 500 * time.Millisecond, "other order": 200 * time.Millisecond, "detail": 50 * time.Millisecond,
		}),
	}, nil
}

// offerProduct adds a product with some pieces.
func (c *crowd) offerProduct(ctx context.Context, pieces int64) (product int64, err error) {
	var made struct{ ID int64 }
	err = c.admin(ctx, "/admin/v1/products", map[string]any{
		"brandId": 1, "name": "Moon jar of the day " + crand.Text(), "description": "One of few", "price": 49_000, "stock": pieces,
	}, &made)
	return made.ID, err
}

// hotOrder is an order of one piece of the product that everybody wants.
func (c *crowd) hotOrder(customer int, product int64) openloop.Request {
	want := apiclient.Buy(product, 1)
	return c.request("hot order", c.buys(c.token(customer), want), unless("INSUFFICIENT_STOCK", decoded(http.StatusCreated, c.accepted(c.placed(want)))))
}

// sold checks that exactly so many pieces are sold as there were, and that those who were
// told so are those who have one.
func (c *crowd) sold(ctx context.Context, product, pieces int64, rec *openloop.Recording) []Effect {
	inOrders := c.db.Count(ctx, `SELECT COALESCE(SUM(l.quantity), 0)::bigint FROM order_lines l JOIN orders o ON o.id = l.order_id
		WHERE l.product_id = $1 AND o.status = 'PAID'`, product)
	left := c.db.Count(ctx, `SELECT quantity FROM stocks WHERE product_id = $1`, product)
	return atMost("pieces sold", inOrders, pieces, left, rec.Kind("hot order"))
}

// atMost checks that what there are few of went to exactly as many customers. A customer
// without an answer may have one or not.
func atMost(what string, given, most, left int64, k *openloop.Kind) []Effect {
	told, unknown := k.Verdicts[openloop.OK], k.Verdicts[openloop.Failed]
	all := []Effect{effect(what+" and left", given+left, most)}
	if told+k.Verdicts[openloop.Declined] >= most { // there were enough customers
		all = append(all, effect(what, given, most))
	}
	want := fmt.Sprint(given)
	if unknown > 0 {
		want = fmt.Sprintf("%d, or up to %d less: so many customers have no answer", given, unknown)
	}
	return append(all, Effect{"customers who were told that they have one", fmt.Sprint(told), want, told <= given && given <= told+unknown})
}
