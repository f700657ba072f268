package caches_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// The first state of each product.
const (
	firstPrice = 100
	firstStock = 4
)

// state is what is seen of a product. The zero value is: nothing, it is hidden.
type state struct {
	price, stock int64
	status       string
}

// lives are the states that each product goes through, in this order. No two are the same,
// so whoever sees one knows how old it is.
func lives() []state {
	return []state{
		{firstPrice, firstStock, "ON_SALE"},
		{firstPrice, 5, "ON_SALE"},  // stock by hand
		{firstPrice, 0, "SOLD_OUT"}, // an order takes all
		{200, 0, "SOLD_OUT"},        // an edit
		{200, 5, "ON_SALE"},         // the order is cancelled
		{200, 3, "ON_SALE"},         // an order takes some: a number changes
		{},                          // hidden
		{201, 3, "ON_SALE"},         // shown again, at another price
	}
}

// facts is a state without numbers: lists may be a second behind with those, whoever wrote them.
func (s state) facts() state {
	if s.status == "ON_SALE" {
		s.stock = -1
	}
	return s
}

// product is a product, and what those who read it may know.
type product struct {
	id    int64
	order string

	mu    sync.Mutex
	steps []step // that are done
}

// step is that a state was reached by a request to an instance, which was answered then.
type step struct {
	by   int
	then time.Time
}

// least returns the least state that may still be shown to somebody who asks at a time, if
// each step may be hidden from them for a while.
func (p *product) least(asked time.Time, lag func(step step, state int) time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	least := 0
	for n, s := range p.steps {
		if s.then.Add(lag(s, n+1)).Before(asked) {
			least = n + 1
		}
	}
	return least
}

// live takes the product through all its states, each by a request to any instance.
func (s *shop) live(ctx context.Context, p *product) error {
	for n := 1; n < len(lives()); n++ {
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		by := rand.IntN(len(s.apis))
		if err := s.advance(ctx, p, n, by); err != nil {
			return fmt.Errorf("product %d, state %d: %w", p.id, n, err)
		}
		p.mu.Lock()
		p.steps = append(p.steps, step{by, time.Now()})
		p.mu.Unlock()
	}
	return nil
}

func (s *shop) advance(ctx context.Context, p *product, n, by int) error {
	path := fmt.Sprintf("/admin/v1/products/%d", p.id)
	edit := func(fields map[string]any) error {
		q := apiclient.Post(admin, path, fields)
		q.Method = http.MethodPatch
		return s.must(ctx, by, http.StatusOK, q, nil)
	}
	buy := func(pieces int64) error {
		var o apiclient.Order
		err := s.must(ctx, by, http.StatusCreated, apiclient.Buy(p.id, pieces).Request(admin, ""), &o)
		p.order = o.ID
		return err
	}
	switch n {
	case 1:
		return s.must(ctx, by, http.StatusOK, apiclient.Post(admin, path+"/stock", map[string]any{"delta": 1, "reason": "found"}), nil)
	case 2:
		return buy(5)
	case 3:
		return edit(map[string]any{"price": 200})
	case 4:
		return s.must(ctx, by, http.StatusOK, apiclient.Cancel(admin, p.order), nil)
	case 5:
		return buy(2)
	case 6:
		return edit(map[string]any{"status": "HIDDEN"})
	default:
		return edit(map[string]any{"status": "ON_SALE", "price": 201})
	}
}
