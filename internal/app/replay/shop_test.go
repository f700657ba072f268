package replay_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// shop is a shop in memory with idempotency keys. Product n costs n won, and its ranking
// includes an order after lag.
type shop struct {
	mu      sync.Mutex
	fail    func(what, key string) error // nil: nothing fails
	lag     time.Duration
	took    time.Duration // by each action
	orders  map[id.ID]money.Won
	answers map[string]id.ID
	balance map[string]money.Won
	scores  map[int64]ranking.Points
	log     map[string][]string // by customer
	viewed  []int64
	liked   []int64
}

func newShop() *shop {
	return &shop{
		orders: map[id.ID]money.Won{}, answers: map[string]id.ID{}, balance: map[string]money.Won{},
		scores: map[int64]ranking.Points{}, log: map[string][]string{},
	}
}

func products(n int64) map[string]replay.Product {
	all := map[string]replay.Product{}
	for i := int64(1); i <= n; i++ {
		all[fmt.Sprint("sku", i)] = replay.Product{ID: i, Price: money.Won(i)}
	}
	return all
}

// once performs an action at most once per key.
func (s *shop) once(v replay.Visit, what, key string, do func(id.ID) error) (oid id.ID, repeated bool, err error) {
	time.Sleep(s.took)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(what, key); err != nil {
			return oid, false, err
		}
	}
	if oid, ok := s.answers[what+key]; ok && key != "" {
		return oid, true, nil
	}
	oid[0], oid[1] = byte(len(s.answers)), byte(len(s.answers)>>8)+1
	if err := do(oid); err != nil {
		return oid, false, err
	}
	if key != "" {
		s.answers[what+key] = oid
	}
	s.log[v.Customer] = append(s.log[v.Customer], what+" "+key)
	return oid, false, nil
}

func (s *shop) Charge(_ context.Context, v replay.Visit, key string, amount money.Won) (bool, error) {
	_, repeated, err := s.once(v, "charge", key, func(id.ID) error { s.balance[v.Customer] += amount; return nil })
	return repeated, err
}

func (s *shop) Place(_ context.Context, v replay.Visit, key string, wants []order.Want) (p replay.Placed, err error) {
	p.ID, p.Repeated, err = s.once(v, "order", key, func(oid id.ID) error {
		for _, w := range wants {
			s.orders[oid] += money.Won(w.ProductID * w.Quantity)
		}
		if s.orders[oid] > s.balance[v.Customer] {
			return point.ErrInsufficient
		}
		s.balance[v.Customer] -= s.orders[oid]
		time.AfterFunc(s.lag, func() { s.count(wants) })
		return nil
	})
	return p, err
}

func (s *shop) count(wants []order.Want) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range wants {
		s.scores[w.ProductID] += ranking.Points(700 * metric.LogAmount(w.ProductID*w.Quantity))
	}
}

func (s *shop) Cancel(_ context.Context, v replay.Visit, key string, oid id.ID) (bool, error) {
	_, repeated, err := s.once(v, "cancel", key, func(id.ID) error {
		if _, ok := s.orders[oid]; !ok {
			return order.ErrNotFound
		}
		s.balance[v.Customer] += s.orders[oid]
		delete(s.orders, oid)
		return nil
	})
	return repeated, err
}

func (s *shop) View(_ context.Context, v replay.Visit, productID int64) error {
	_, _, err := s.once(v, "view", "", func(id.ID) error { s.viewed = append(s.viewed, productID); return nil })
	return err
}

func (s *shop) Like(_ context.Context, v replay.Visit, productID int64) error {
	_, _, err := s.once(v, "like", "", func(id.ID) error { s.liked = append(s.liked, productID); return nil })
	return err
}

func (s *shop) Score(_ context.Context, _ replay.Visit, productID int64) (ranking.Points, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scores[productID], nil
}

func (s *shop) Reached(ctx context.Context, v replay.Visit, productID int64, score ranking.Points) (bool, error) {
	now, err := s.Score(ctx, v, productID)
	return now >= score, err
}

var errUnavailable = fault.New(fault.Unavailable, "UNAVAILABLE", "the shop is unavailable")
