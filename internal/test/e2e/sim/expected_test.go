//go:build synctests

package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// What the model expects in the database: one line of text for each fact.

func (m *model) orderFacts() []string {
	var facts []string
	for _, s := range m.orders {
		var lines []string
		for _, l := range s.lines {
			lines = append(lines, fmt.Sprintf("%dx%d@%d", l.ProductID, l.Quantity, l.Price))
		}
		slices.Sort(lines)
		facts = append(facts, fmt.Sprintf("order %s of %s %s %d by %d points and %d by card, coupon %q, %s",
			s.id, s.user, s.status, s.amount, s.points, s.card, s.coupon, strings.Join(lines, ",")))
	}
	return facts
}

func (m *model) walletFacts() []string {
	var facts []string
	spent := map[string]int64{}
	for _, s := range m.orders {
		if s.isLive() {
			spent[s.user] += s.points
		}
	}
	for user, balance := range m.balance {
		facts = append(facts, fmt.Sprintf("balance of %s %d", user, balance-spent[user]))
	}
	return facts
}

func (m *model) likeFacts() []string {
	var facts []string
	for h, wanted := range m.wanted {
		if wanted {
			facts = append(facts, fmt.Sprintf("%s likes %d", h.user, h.product))
		}
	}
	return facts
}

func (m *model) stockFacts() []string {
	left := map[int64]int64{}
	for i, p := range products {
		left[int64(i+1)] = p.stock
	}
	for _, s := range m.orders {
		for _, l := range s.lines {
			if s.isLive() {
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

// sales are the counters of the paid orders of a product.
type sales struct{ orders, quantity, amount int64 }

func (s sales) plus(o sales) sales {
	return sales{s.orders + o.orders, s.quantity + o.quantity, s.amount + o.amount}
}

// productDay is a product on a business day.
type productDay struct {
	product int64
	day     clock.Day
}

// sales returns the sales of each day.
func (m *model) sales() map[productDay]sales {
	counts := map[productDay]sales{}
	for _, s := range m.orders {
		for _, l := range s.lines {
			if at := (productDay{l.ProductID, s.paid}); s.status == "PAID" {
				counts[at] = counts[at].plus(sales{1, l.Quantity, l.Quantity * l.Price})
			}
		}
	}
	return counts
}

// countFacts returns the daily counters of sales.
func (m *model) countFacts() []string {
	var facts []string
	for at, c := range m.sales() {
		facts = append(facts, fmt.Sprintf("sales of %d on %s: %d orders, %d pieces, %d won", at.product, at.day, c.orders, c.quantity, c.amount))
	}
	return facts
}

// keyFacts returns the keys that must be stored: those answered in the last day.
func (m *model) keyFacts(now time.Time) []string {
	var facts []string
	for key, at := range m.keys {
		if now.Sub(at) < 23*time.Hour {
			facts = append(facts, "key "+key)
		}
	}
	return facts
}
