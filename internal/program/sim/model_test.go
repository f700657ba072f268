//go:build synctests

package sim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// model is what the customers know: what they were answered, and nothing else.
type model struct {
	mu      *sync.Mutex
	balance map[string]int64
	hearts  map[heart]bool
	sales   map[string]*sale // by id
	sold    []string         // ids, in the order of the answers
	keys    map[string]time.Time
}

// heart is somebody's wish about a product.
type heart struct {
	user    string
	product int64
}

type sale struct {
	id, user, key string
	amount        int64
	lines         []line
	paid          clock.Day
	cancelled     bool
}

type line struct {
	ProductID, Quantity, Price int64
}

func newModel() model {
	m := model{
		mu: &sync.Mutex{}, balance: map[string]int64{}, hearts: map[heart]bool{},
		sales: map[string]*sale{}, keys: map[string]time.Time{},
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

// bought notes an order as it was answered.
func (m *model) bought(user, key string, body []byte) error {
	var o struct {
		ID, Status string
		Amount     int64
		Items      []line
		History    []struct {
			Status string
			At     time.Time
		}
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return err
	}
	s := &sale{id: o.ID, user: user, key: key, amount: o.Amount, lines: o.Items}
	for _, h := range o.History {
		if h.Status == "PAID" {
			s.paid = clock.DayOf(h.At)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.sales[o.ID]; before != nil {
		return fmt.Errorf("order %s was answered to %s and %s", o.ID, before.key, key)
	}
	if o.Status != "PAID" || s.paid == 0 {
		return fmt.Errorf("order %s is %s", o.ID, body)
	}
	m.sales[o.ID] = s
	m.sold = append(m.sold, o.ID)
	m.balance[user] -= s.amount
	return nil
}

func (m *model) cancelled(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sales[id]; !s.cancelled {
		s.cancelled = true
		m.balance[s.user] += s.amount
	}
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

// The model's side of the recount: one line of text for each fact.

func (m *model) orderFacts() []string {
	var facts []string
	for _, s := range m.sales {
		status := "PAID"
		if s.cancelled {
			status = "CANCELLED"
		}
		var lines []string
		for _, l := range s.lines {
			lines = append(lines, fmt.Sprintf("%dx%d@%d", l.ProductID, l.Quantity, l.Price))
		}
		slices.Sort(lines)
		facts = append(facts, fmt.Sprintf("order %s of %s %s %d %s", s.id, s.user, status, s.amount, strings.Join(lines, ",")))
	}
	return facts
}

func (m *model) walletFacts() []string {
	var facts []string
	for user, balance := range m.balance {
		facts = append(facts, fmt.Sprintf("balance of %s %d", user, balance))
	}
	return facts
}

func (m *model) likeFacts() []string {
	var facts []string
	for h, wanted := range m.hearts {
		if wanted {
			facts = append(facts, fmt.Sprintf("%s likes %d", h.user, h.product))
		}
	}
	return facts
}

func (m *model) stockFacts() []string {
	left := map[int64]int64{}
	for i, w := range wares {
		left[int64(i+1)] = w.stock
	}
	for _, s := range m.sales {
		for _, l := range s.lines {
			if !s.cancelled {
				left[l.ProductID] -= l.Quantity
			}
		}
	}
	var facts []string
	for p, n := range left {
		facts = append(facts, fmt.Sprintf("stock of %d %d", p, n))
	}
	return facts
}

// countFacts are the daily counters of sales.
func (m *model) countFacts() []string {
	type place struct {
		product int64
		day     clock.Day
	}
	type count struct{ orders, quantity, amount int64 }
	counts := map[place]*count{}
	for _, s := range m.sales {
		for _, l := range s.lines {
			at := place{l.ProductID, s.paid}
			if s.cancelled {
				continue
			}
			if counts[at] == nil {
				counts[at] = &count{}
			}
			counts[at].orders++
			counts[at].quantity += l.Quantity
			counts[at].amount += l.Quantity * l.Price
		}
	}
	var facts []string
	for at, c := range counts {
		facts = append(facts, fmt.Sprintf("sales of %d on %s: %d orders, %d pieces, %d won", at.product, at.day, c.orders, c.quantity, c.amount))
	}
	return facts
}

// keyFacts are the keys that must still be kept: those answered in the last day.
func (m *model) keyFacts(now time.Time) []string {
	var facts []string
	for key, at := range m.keys {
		if now.Sub(at) < 23*time.Hour {
			facts = append(facts, "key "+key)
		}
	}
	return facts
}
