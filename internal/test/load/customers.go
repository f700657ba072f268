package load

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// crowd is the customers of one scenario. It remembers the orders that they were told are
// placed: none may be lost.
type crowd struct {
	*shop

	mu     sync.Mutex
	orders []string // ids
}

// accepted remembers the orders that a check finds right.
func (c *crowd) accepted(right func(placed) error) func(placed) error {
	return func(o placed) error {
		if err := right(o); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.orders = append(c.orders, o.ID)
		return nil
	}
}

// token returns the session of a customer, who is not the admin.
func (c *crowd) token(n int) string { return c.tokens[1+n%(len(c.tokens)-1)] }

// anyone returns the session of some customer.
func (c *crowd) anyone(rng *rand.Rand) string { return c.token(rng.IntN(len(c.tokens))) }

// popular returns a product that can be bought. A few are asked for much more than others.
func (c *crowd) popular(rng *rand.Rand) int64 {
	const few, half = 100, 2
	most := c.products
	if rng.IntN(half) == 0 {
		most = min(few*int64(1+rng.IntN(few)), c.products) // half of the requests are for the first 100 to 10,000
	}
	for {
		if n := 1 + rng.Int64N(most); !c.hidden(n) && !c.soldOut(n) {
			return n
		}
	}
}

// detail reads a product. Two of five customers are logged in.
func (c *crowd) detail(rng *rand.Rand, product int64) openloop.Request {
	q := apiclient.View("", product)
	const of = 5
	if rng.IntN(of) < 2 {
		q = q.WithToken(c.anyone(rng))
	}
	return c.request("detail", q, decoded(http.StatusOK, c.catalog.detail(product)))
}

// sorts are the orders of lists, the default one more often.
var sorts = []string{"latest", "latest", "price_asc", "price_desc", "likes_desc"}

// list reads the first page of a list: of all products, of a brand, or of a range of prices.
func (c *crowd) list(rng *rand.Rand) openloop.Request {
	want := asked{sort: sorts[rng.IntN(len(sorts))]}
	params := url.Values{"sort": {want.sort}}
	const kinds, lowest, widest = 10, 10_000, 500_000
	switch n := rng.IntN(kinds); {
	case n < 6:
		want.brand = 1 + rng.Int64N(c.brands)
		params.Set("brandId", fmt.Sprint(want.brand))
	case n == kinds-1:
		want.from, want.upTo = lowest, widest
		params.Set("minPrice", fmt.Sprint(want.from))
		params.Set("maxPrice", fmt.Sprint(want.upTo))
	}
	return c.request("list", apiclient.Get("", "/api/v1/products?"+params.Encode()), decoded(http.StatusOK, c.catalog.list(want)))
}

// search looks for a word, English or Korean.
func (c *crowd) search(rng *rand.Rand) openloop.Request {
	want := asked{sort: "latest", word: words[rng.IntN(len(words))]}
	return c.request("search", apiclient.Get("", "/api/v1/products?q="+url.QueryEscape(want.word)), decoded(http.StatusOK, c.catalog.list(want)))
}

// ranking reads a page of the day's ranking: most often the first one.
func (c *crowd) ranking(rng *rand.Rand) openloop.Request {
	const of, pages = 10, 20
	number := int64(1)
	if rng.IntN(of) < 4 {
		number += rng.Int64N(min(pages, c.rankedPages()))
	}
	date := c.day.String()
	path := fmt.Sprintf("/api/v1/rankings?period=daily&date=%s&page=%d&size=%d", date, number, pageSize)
	return c.request("ranking", apiclient.Get("", path), decoded(http.StatusOK, c.page(date, (number-1)*pageSize)))
}

// rankedPages is how many pages the ranking has at least.
func (c *crowd) rankedPages() int64 { return max(1, min(ranked, c.products)*9/10/pageSize) }

// like likes a product, or likes it no longer.
func (c *crowd) like(rng *rand.Rand) openloop.Request {
	const of = 5
	q := apiclient.Like("", c.popular(rng))
	if rng.IntN(of) == 0 {
		q.Method = http.MethodDelete
	}
	return c.request("like", q.WithToken(c.anyone(rng)), empty)
}

// order places an order of one to three products, paid by points.
func (c *crowd) order(rng *rand.Rand, kind string) openloop.Request {
	const lines, pieces = 3, 2
	var want apiclient.NewOrder
	for n := range int64(1 + rng.IntN(lines)) {
		product := c.popular(rng)
		for _, other := range want.Items { // lines of one product would be summed
			if other.ProductID == product {
				product = 0
			}
		}
		if product != 0 || n == 0 {
			want.Items = append(want.Items, apiclient.Item{ProductID: product, Quantity: 1 + rng.Int64N(pieces)})
		}
	}
	return c.request(kind, c.buys(c.anyone(rng), want), decoded(http.StatusCreated, c.accepted(c.placed(want))))
}

// buys is the request to place an order under a key of its own.
func (*crowd) buys(token string, want apiclient.NewOrder) apiclient.Request {
	return want.Request("", crand.Text()).WithToken(token)
}

// history reads the latest orders of a customer.
func (c *crowd) history(rng *rand.Rand) openloop.Request {
	return c.request("orders", apiclient.Get("", apiclient.OrdersPath).WithToken(c.anyone(rng)), decoded(http.StatusOK, func(l struct{ Items []placed }) error {
		for _, o := range l.Items {
			if o.ID == "" || !o.addsUp() {
				return fmt.Errorf("an order of the list does not add up")
			}
		}
		return nil
	}))
}
