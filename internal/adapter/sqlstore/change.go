package sqlstore

import (
	"sync"

	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// changes are who wants to know what transactions have changed.
type changes struct {
	mu        sync.RWMutex
	committed []func([]store.Change)
	heard     []func(productIDs []int64)
}

// OnCommit has f called after each commit of this process that changes products, before
// Update returns. It is called after a commit that failed, too: the outcome of a commit
// may be unknown. f must be fast, and may be called at any time.
func (d *DB) OnCommit(f func([]store.Change)) {
	d.changes.mu.Lock()
	defer d.changes.mu.Unlock()
	d.changes.committed = append(d.changes.committed, f)
}

// OnHeard has f called with the products whose facts another process has changed, while
// Listen runs. Notifications may be lost.
func (d *DB) OnHeard(f func(productIDs []int64)) {
	d.changes.mu.Lock()
	defer d.changes.mu.Unlock()
	d.changes.heard = append(d.changes.heard, f)
}

func (c *changes) commit(all []store.Change) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, f := range c.committed {
		f(all)
	}
}

func (c *changes) hear(productIDs []int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, f := range c.heard {
		f(productIDs)
	}
}

// changed is what one transaction has changed.
type changed struct {
	committing bool
	all        []store.Change
}

// product notes a product of which a fact was written.
func (c *changed) product(pid int64) {
	c.all = append(c.all, store.Change{ProductID: pid, Facts: true})
}

// stock notes a movement of stock. That a product is sold out, or no longer, is a fact.
// So is what an administrator does by hand: they look at it in the next moment.
func (c *changed) stock(m product.Movement) {
	crossed := (m.Quantity == 0) != (m.Quantity == m.Delta) // none after, none before
	byHand := m.Reason == product.Initial || m.Reason == product.Adjusted
	c.all = append(c.all, store.Change{ProductID: m.ProductID, Facts: crossed || byHand, Stock: true})
}

func (c *changed) report(to *changes) {
	if c.committing && len(c.all) > 0 {
		to.commit(c.all)
	}
}
