//go:build synctests

package sim_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// model is what the customers know: what they were answered, and nothing else.
type model struct {
	mu      *sync.Mutex
	balance map[string]int64 // without what orders took
	hearts  map[heart]bool
	sales   map[string]*sale // by id
	sold    []string         // ids, in the order of the answers
	keys    map[string]time.Time
	coupons []owned      // in the order of the answers
	soldOut map[int]bool // offers of which somebody was told that none is left

	// Pieces of each product that orders may have taken so far, and that dead
	// ones had put back for certain.
	taken, back map[int64]int64
}

// heart is somebody's wish about a product.
type heart struct {
	user    string
	product int64
}

type sale struct {
	id, user, key        string
	amount, points, card int64
	coupon               string // id of the owned one
	lines                []line
	paid                 clock.Day // 0: it never was, as far as is known
	status               string    // as it was seen last
}

// live reports whether the order keeps what it took, as far as is known.
func (s *sale) live() bool { return s.status == "PENDING" || s.status == "PAID" }

type line struct {
	ProductID, Quantity, Price int64
}

func newModel() model {
	m := model{
		mu: &sync.Mutex{}, balance: map[string]int64{}, hearts: map[heart]bool{},
		sales: map[string]*sale{}, keys: map[string]time.Time{}, soldOut: map[int]bool{},
		taken: map[int64]int64{}, back: map[int64]int64{},
	}
	for i := range people {
		m.balance[fmt.Sprintf("u%d", i)] = purse
	}
	return m
}

// answered notes that a request with a key had its final answer.
func (m *model) answered(user string, q request, a answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[user+" "+q.key] = time.Now()
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
	m.hearts[heart{user, product}] = wanted
}

func (m *model) likes(user string, product int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hearts[heart{user, product}]
}

// shown is an order as the shop shows it.
type shown struct {
	ID, Status                           string
	Amount, Discount, Points, CardAmount int64
	Items                                []line
	Coupon                               *struct{ ID string }
	History                              []struct {
		Status string
		At     time.Time
	}
}

// paid is the day on which the order was paid; 0 if it was not.
func (o shown) paid() clock.Day {
	for _, h := range o.History {
		if h.Status == "PAID" {
			return clock.DayOf(h.At)
		}
	}
	return 0
}

// bought notes an order as it was answered, which must be as it was meant.
func (m *model) bought(user, key string, q wish, body []byte) error {
	var o shown
	if err := json.Unmarshal(body, &o); err != nil {
		return err
	}
	s := &sale{id: o.ID, user: user, key: key, amount: o.Amount, points: o.Points, card: o.CardAmount, lines: o.Items, paid: o.paid(), status: o.Status}
	want := "PAID"
	if q.cardOf > 0 {
		want = "PENDING"
	}
	if o.Coupon != nil {
		s.coupon = o.Coupon.ID
	}
	if o.Amount != q.amount || o.Points != q.points || o.CardAmount != q.cardOf || o.Status != want || (q.coupon == nil) != (o.Coupon == nil) ||
		q.coupon != nil && q.coupon.id != s.coupon || o.Discount != q.amount-q.points-q.cardOf || (want == "PAID") != (s.paid != 0) {
		return fmt.Errorf("order %s is not as it was meant (%+v)", body, q)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.sales[o.ID]; before != nil {
		return fmt.Errorf("order %s was answered to %s and %s", o.ID, before.key, key)
	}
	m.sales[o.ID] = s
	m.sold = append(m.sold, o.ID)
	return nil
}

// saw notes how far an order has come.
func (m *model) saw(o shown) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sales[o.ID]
	if s == nil {
		return fmt.Errorf("order %s was never answered", o.ID)
	}
	if s.status != o.Status && s.status != "PENDING" {
		return fmt.Errorf("order %s was %s, and is %s", o.ID, s.status, o.Status)
	}
	m.turn(s, o)
	return nil
}

// cancelled notes that an order was called off. The answer may have come before
// a later one that said the same.
func (m *model) cancelled(id string, body []byte) error {
	var o shown
	if err := json.Unmarshal(body, &o); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sales[id]
	if o.ID != id || o.Status != "CANCELLED" || s.paid != 0 && o.paid() != s.paid {
		return fmt.Errorf("order %s was answered as %s", id, body)
	}
	m.turn(s, o)
	return nil
}

// turn notes what an order has become.
func (m *model) turn(s *sale, o shown) {
	lived := s.live()
	s.status, s.paid = o.Status, o.paid()
	if lived && !s.live() {
		m.putBack(s.lines)
	}
}

// order returns a copy of an order.
func (m *model) order(id string) sale {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *m.sales[id]
}

// orders returns copies of a customer's orders, oldest first.
func (m *model) orders(user string) []sale {
	m.mu.Lock()
	defer m.mu.Unlock()
	var mine []sale
	for _, id := range m.sold {
		if s := m.sales[id]; s.user == user {
			mine = append(mine, *s)
		}
	}
	return mine
}
