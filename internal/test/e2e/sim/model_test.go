//go:build synctests

package sim_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// model is what the customers were answered, and nothing else.
type model struct {
	mu       *sync.Mutex
	balance  map[string]int64 // before what orders have taken
	wanted   map[likeKey]bool
	orders   map[string]*order // by id
	orderIDs []string          // ids, in the order of the answers
	keys     map[string]time.Time
	coupons  []ownedCoupon // in the order of the answers
	soldOut  map[int]bool  // offers that were answered as sold out

	// Pieces of each product that orders may have taken so far, and that ended orders
	// have certainly returned.
	taken, returned map[int64]int64
}

// likeKey is a customer and a product.
type likeKey struct {
	user    string
	product int64
}

type order struct {
	id, user, key        string
	amount, points, card int64
	coupon               string // id of the owned coupon
	lines                []line
	paid                 clock.Day // 0: it is not known to be paid
	status               string    // the last one seen
}

// isLive reports whether the order is not known to have returned what it took.
func (o *order) isLive() bool { return o.status == "PENDING" || o.status == "PAID" }

type line struct {
	ProductID, Quantity, Price int64
}

func newModel() model {
	m := model{
		mu: &sync.Mutex{}, balance: map[string]int64{}, wanted: map[likeKey]bool{},
		orders: map[string]*order{}, keys: map[string]time.Time{}, soldOut: map[int]bool{},
		taken: map[int64]int64{}, returned: map[int64]int64{},
	}
	for i := range customerCount {
		m.balance[fmt.Sprintf("u%d", i)] = initialPoints
	}
	return m
}

// answered notes the final answer to a request with a key.
func (m *model) answered(user string, q apiclient.Request, a answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[user+" "+q.Key] = time.Now()
	_ = a
}

func (m *model) charged(user string, amount int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.balance[user] += amount
}

func (m *model) liked(user string, product int64, wanted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted[likeKey{user, product}] = wanted
}

func (m *model) likes(user string, product int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wanted[likeKey{user, product}]
}

// orderView is an order as the shop shows it.
type orderView struct {
	ID, Status                           string
	Amount, Discount, Points, CardAmount int64
	Items                                []line
	Coupon                               *struct{ ID string }
	History                              []struct {
		Status string
		At     time.Time
	}
}

// paid returns the day on which the order was paid; 0: it was not.
func (o orderView) paid() clock.Day {
	for _, h := range o.History {
		if h.Status == "PAID" {
			return clock.DayOf(h.At)
		}
	}
	return 0
}

// orderPlaced notes an order. The answer must be as the customer planned it.
func (m *model) orderPlaced(user, key string, q orderPlan, body []byte) error {
	var o orderView
	if err := json.Unmarshal(body, &o); err != nil {
		return err
	}
	s := &order{id: o.ID, user: user, key: key, amount: o.Amount, points: o.Points, card: o.CardAmount, lines: o.Items, paid: o.paid(), status: o.Status}
	want := "PAID"
	if q.card > 0 {
		want = "PENDING"
	}
	if o.Coupon != nil {
		s.coupon = o.Coupon.ID
	}
	if o.Amount != q.amount || o.Points != q.points || o.CardAmount != q.card || o.Status != want || (q.coupon == nil) != (o.Coupon == nil) ||
		q.coupon != nil && q.coupon.id != s.coupon || o.Discount != q.amount-q.points-q.card || (want == "PAID") != (s.paid != 0) {
		return fmt.Errorf("order %s is not as it was planned (%+v)", body, q)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.orders[o.ID]; before != nil {
		return fmt.Errorf("order %s was answered to %s and %s", o.ID, before.key, key)
	}
	m.orders[o.ID] = s
	m.orderIDs = append(m.orderIDs, o.ID)
	return nil
}

// orderSeen notes the present state of an order.
func (m *model) orderSeen(o orderView) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.orders[o.ID]
	if s == nil {
		return fmt.Errorf("order %s was never answered", o.ID)
	}
	if s.status != o.Status && s.status != "PENDING" {
		return fmt.Errorf("order %s was %s, and is %s", o.ID, s.status, o.Status)
	}
	m.update(s, o)
	return nil
}

// cancelled notes that an order was cancelled. It may have been noted before.
func (m *model) cancelled(id string, body []byte) error {
	var o orderView
	if err := json.Unmarshal(body, &o); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.orders[id]
	if o.ID != id || o.Status != "CANCELLED" || s.paid != 0 && o.paid() != s.paid {
		return fmt.Errorf("order %s was answered as %s", id, body)
	}
	m.update(s, o)
	return nil
}

// update notes a new state of an order.
func (m *model) update(s *order, o orderView) {
	lived := s.isLive()
	s.status, s.paid = o.Status, o.paid()
	if lived && !s.isLive() {
		m.returnStock(s.lines)
	}
}

// order returns a copy of an order.
func (m *model) order(id string) order {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.orders[id]
}

// ordersOf returns copies of a customer's orders, oldest first.
func (m *model) ordersOf(user string) []order {
	m.mu.Lock()
	defer m.mu.Unlock()
	var orders []order
	for _, id := range m.orderIDs {
		if s := m.orders[id]; s.user == user {
			orders = append(orders, *s)
		}
	}
	return orders
}
