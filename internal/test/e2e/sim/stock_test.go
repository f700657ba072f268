//go:build synctests

package sim_test

import "maps"

// sentState is what is known when an order is sent. It decides whether a refusal can be
// right.
type sentState struct {
	// balance is the least that the customer has: pending orders can only return points.
	balance  int64
	returned map[int64]int64 // pieces that had been returned by then
}

// orderSent notes that an order is sent, which may take its pieces from now on.
func (m *model) orderSent(user string, q orderPlan) sentState {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range q.lines {
		m.taken[l.ProductID] += l.Quantity
	}
	k := sentState{balance: m.balance[user], returned: maps.Clone(m.returned)}
	for _, s := range m.orders {
		if s.user == user && s.isLive() {
			k.balance -= s.points
		}
	}
	return k
}

// orderRefused notes that an order was refused.
func (m *model) orderRefused(q orderPlan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.returnStock(q.lines)
}

func (m *model) returnStock(lines []line) {
	for _, l := range lines {
		m.returned[l.ProductID] += l.Quantity
	}
}

// mayBeShort reports whether the stock of a product of the order may have been too low
// at some moment since the order was sent: if all that may be taken was taken, and no
// more than before was returned.
func (m *model) mayBeShort(q orderPlan, before sentState) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range q.lines {
		if m.taken[l.ProductID]-before.returned[l.ProductID] > products[l.ProductID-1].stock {
			return true
		}
	}
	return false
}
