package shopclient

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// productPage is a page of the product list.
type productPage struct {
	Items []struct {
		ID    int64   `json:"id"`
		SKU   *string `json:"sku"`
		Price int64   `json:"price"`
	} `json:"items"`
	Page struct {
		NextCursor *string `json:"nextCursor"`
	} `json:"page"`
}

// Products returns every product that has a SKU, by SKU.
func (c *Client) Products(ctx context.Context) (map[string]replay.Product, error) {
	products := map[string]replay.Product{}
	query := url.Values{"size": {"100"}, "sort": {"price_asc"}}
	for {
		var page productPage
		if _, err := c.send(ctx, request{http.MethodGet, "/api/v1/products?" + query.Encode(), "", "", nil}, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Items {
			if p.SKU != nil {
				products[*p.SKU] = replay.Product{ID: p.ID, Price: money.Won(p.Price)}
			}
		}
		if page.Page.NextCursor == nil {
			return products, nil
		}
		query.Set("cursor", *page.Page.NextCursor)
	}
}

// Ranking reads today's ranking page by page. It is safe for concurrent use.
type Ranking struct {
	client   *Client
	lastPage atomic.Int64 // the page that was read last: a hint where to begin
}

var _ replay.Ranking = (*Ranking)(nil)

// Ranking returns a reader of today's ranking.
func (c *Client) Ranking() *Ranking {
	r := &Ranking{client: c}
	r.lastPage.Store(1)
	return r
}

const pageSize = 100

type rankingPage struct {
	Items []struct {
		Product struct {
			ID int64 `json:"id"`
		} `json:"product"`
		Score json.Number `json:"score"`
	} `json:"items"`
	Page struct {
		HasMore bool `json:"hasMore"`
	} `json:"page"`
}

func (r *Ranking) page(ctx context.Context, number int) (p rankingPage, err error) {
	path := "/api/v1/rankings?period=daily&size=" + strconv.Itoa(pageSize) + "&page=" + strconv.Itoa(number)
	_, err = r.client.send(ctx, request{http.MethodGet, path, "", "", nil}, &p)
	return p, err
}

// Score implements replay.Ranking. It reads the ranking page by page from the top.
func (r *Ranking) Score(ctx context.Context, _ replay.Visit, productID int64) (ranking.Points, error) {
	for number := 1; ; number++ {
		p, err := r.page(ctx, number)
		if err != nil {
			return 0, err
		}
		if score, ok := p.find(productID); ok || !p.Page.HasMore {
			return score, nil
		}
	}
}

// Reached implements replay.Ranking. The ranking is sorted by score, so the product appears on the
// page of its score. Ranking remembers this page from call to call.
func (r *Ranking) Reached(ctx context.Context, _ replay.Visit, productID int64, score ranking.Points) (bool, error) {
	page := int(r.lastPage.Load())
	defer func() { r.lastPage.Store(int64(page)) }()
	for range 2 * pageSize { // the ranking may change between requests: bound the search
		p, err := r.page(ctx, page)
		if err != nil {
			return false, err
		}
		if found, ok := p.find(productID); ok && found >= score {
			return true, nil
		}
		step, tie := p.direction(score)
		switch {
		case step == 0, page+step < 1:
			return false, nil
		case tie:
			next, err := r.page(ctx, page+step)
			found, ok := next.find(productID)
			return ok && found >= score, err
		}
		page += step
	}
	return false, nil
}

// direction returns the direction (-1, 0 or 1) from page p to the page with the score. tie means
// that p has this score too, at its edge.
func (p rankingPage) direction(score ranking.Points) (step int, tie bool) {
	n := len(p.Items)
	if n == 0 || parseScore(p.Items[0].Score) < score {
		return -1, false
	}
	if last := parseScore(p.Items[n-1].Score); last >= score && p.Page.HasMore {
		return 1, last == score
	}
	if parseScore(p.Items[0].Score) == score {
		return -1, true
	}
	return 0, false
}

func (p rankingPage) find(productID int64) (ranking.Points, bool) {
	for _, i := range p.Items {
		if i.Product.ID == productID {
			return parseScore(i.Score), true
		}
	}
	return 0, false
}

// parseScore parses a score of the API, a decimal number with up to six decimal places.
func parseScore(n json.Number) ranking.Points {
	whole, fraction, _ := strings.Cut(n.String(), ".")
	digits := whole + (fraction + "000000")[:6]
	value, _ := strconv.ParseInt(digits, 10, 64) // an invalid number counts as 0
	return ranking.Points(value)
}
