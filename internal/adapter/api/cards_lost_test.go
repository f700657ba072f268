package api_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// faulty is a database that commits and loses the answer, or that rolls back, and
// reports that it is away.
type faulty struct {
	store.DB
	lose, undo *atomic.Bool
}

// Update implements store.DB.
func (d faulty) Update(ctx context.Context, fn func(store.Tx) error) error {
	undone := d.undo.CompareAndSwap(true, false)
	err := d.DB.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil || !undone {
			return err
		}
		return sqlstore.ErrUnavailable
	})
	if err == nil && d.lose.CompareAndSwap(true, false) {
		return sqlstore.ErrUnavailable
	}
	return err
}

// No other process has the number of the card.
func TestAnOrderWhoseAnswerToCommitWasLostIsCharged(t *testing.T) {
	t.Parallel()
	var lose, undo atomic.Bool
	s := cardShopOn(t, storetest.SQLite, func(c *api.Config) {
		c.Checkout = takingCards(c.Settle, faulty{c.DB, &lose, &undo}, id.NewSource(c.Clock, rand.Reader), c.Clock)
	})
	keyed := s.as("kim").with("Idempotency-Key", "k").post("/api/v1/orders", cardMug)
	undo.Store(true)
	keyed.must(t, s.shop, http.StatusServiceUnavailable) // nothing was placed, so nothing is charged
	lose.Store(true)
	keyed.must(t, s.shop, http.StatusServiceUnavailable)
	var o cardOrder
	again := keyed.must(t, s.shop, http.StatusCreated)
	again.into(t, &o)
	if again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("the order was placed again")
	}
	s.run(t)
	if c := <-s.gateway.requests; c.OrderID != o.ID {
		t.Errorf("the gateway was asked for order %s, want %s", c.OrderID, o.ID)
	}
	if n := s.orders(t, "kim"); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
}
