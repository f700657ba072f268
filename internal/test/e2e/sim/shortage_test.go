//go:build synctests

package sim_test

import "maps"

// known is what a customer knows when an order goes out, of what may be short:
// whether a refusal can be right is judged by it.
type known struct {
	// balance is the least that the customer has. Nobody else spends it, and
	// orders that wait for a card may only give some back.
	balance int64
	back    map[int64]int64 // pieces that had been put back by then
}

// asks notes that an order goes out, which may take its pieces from now on.
func (m *model) asks(user string, q wish) known {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range q.lines {
		m.taken[l.ProductID] += l.Quantity
	}
	k := known{balance: m.balance[user], back: maps.Clone(m.back)}
	for _, s := range m.sales {
		if s.user == user && s.live() {
			k.balance -= s.points
		}
	}
	return k
}

// refused notes that an order was not taken.
func (m *model) refused(q wish) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.putBack(q.lines)
}

func (m *model) putBack(lines []line) {
	for _, l := range lines {
		m.back[l.ProductID] += l.Quantity
	}
}

// mayLack reports whether there may have been too few of something, at some
// moment since the order went out: if all that may have been taken by now was,
// and nothing came back but what had come back before.
func (m *model) mayLack(q wish, before known) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range q.lines {
		if m.taken[l.ProductID]-before.back[l.ProductID] > wares[l.ProductID-1].stock {
			return true
		}
	}
	return false
}
