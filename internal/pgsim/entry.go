package pgsim

import (
	"fmt"
	"maps"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// Operations of an entry.
const (
	opAccepted  = "accepted"
	opSettled   = "settled"
	opCancelled = "cancelled"
	opCalled    = "called"
)

// entry is one change of the book, and one line of the journal.
type entry struct {
	Op       string        `json:"op"`
	Charge   *Charge       `json:"charge,omitempty"` // of opAccepted
	Key      string        `json:"key,omitempty"`    // of all others
	At       time.Time     `json:"at,omitzero"`
	Status   pgwire.Status `json:"status,omitempty"` // of opSettled
	Reason   string        `json:"reason,omitempty"`
	Callback *Callback     `json:"callback,omitempty"` // of opCalled
}

// enter makes an entry true: nothing is, that the journal does not have. The
// lock is held.
func (b *book) enter(e entry) error {
	if err := b.journal.write(e); err != nil {
		return err
	}
	return b.apply(e)
}

// apply changes the book. It refuses what a book written by accept, settle and
// cancel cannot say.
func (b *book) apply(e entry) error {
	if e.Op == opAccepted {
		return b.add(e.Charge)
	}
	c := b.byKey[e.Key]
	if c == nil {
		return fmt.Errorf("%s: %w", e.Op, errNoSuch)
	}
	before := c.Status
	switch {
	case e.Op == opCalled && e.Callback != nil:
		c.Callback = *e.Callback
	case e.Op == opSettled && before == pgwire.Pending && isEnd(e.Status):
		b.settled(c, e)
	case e.Op == opCancelled && (before == pgwire.Pending || before == pgwire.Success):
		b.cancelled(c, e)
	default:
		return fmt.Errorf("a transaction that is %s cannot be %s", before, e.Op)
	}
	b.totals.ByStatus[before]--
	b.totals.ByStatus[c.Status]++
	return nil
}

func isEnd(status pgwire.Status) bool { return status == pgwire.Success || status == pgwire.Failed }

func (b *book) add(given *Charge) error {
	if given == nil || given.TransactionKey == "" || given.Status != pgwire.Pending || given.Sequence != len(b.charges)+1 {
		return fmt.Errorf("transaction %d is not one that was just accepted", len(b.charges)+1)
	}
	if b.byKey[given.TransactionKey] != nil {
		return fmt.Errorf("two transactions are called %s", given.TransactionKey)
	}
	c := *given // whoever accepted it keeps it as it was
	b.charges = append(b.charges, &c)
	b.byKey[c.TransactionKey] = &c
	b.byOrder[owned{c.User, c.OrderID}] = append(b.byOrder[owned{c.User, c.OrderID}], &c)
	if c.IdempotencyKey != "" {
		b.byIdem[owned{c.User, c.IdempotencyKey}] = &c
	}
	b.totals.Transactions++
	b.totals.ByStatus[c.Status]++
	return nil
}

func (b *book) settled(c *Charge, e entry) {
	c.Status, c.Reason, c.SettledAt = e.Status, e.Reason, &e.At
	if e.Status == pgwire.Success {
		c.Charged = c.Amount
		b.totals.Charged += c.Amount
	}
}

func (b *book) cancelled(c *Charge, e entry) {
	c.CancelledAt, c.Reason = &e.At, "called off before it was charged"
	if c.Status == pgwire.Success {
		c.Refunded, c.Reason = c.Charged, "refunded"
		b.totals.Refunded += c.Refunded
	}
	c.Status = pgwire.Cancelled
}

// sum returns the totals as they are now.
func (b *book) sum() Totals {
	b.mu.RLock()
	defer b.mu.RUnlock()
	t := b.totals
	t.Net = t.Charged - t.Refunded
	t.ByStatus = maps.Clone(t.ByStatus)
	return t
}

// Filter chooses transactions. The zero Filter chooses all.
type Filter struct {
	User, OrderID string
	Status        pgwire.Status
	Since         time.Time // requested then or later
	After         int       // with a Sequence above this one
	Size          int       // at most so many; 0 is all
}

// list returns the transactions that a filter chooses, oldest first, and
// whether there are more.
func (b *book) list(f Filter) (found []Charge, more bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	found = []Charge{}
	for i := max(f.After, 0); i < len(b.charges); i++ {
		if c := b.charges[i]; f.chooses(c) {
			if f.Size > 0 && len(found) == f.Size {
				return found, true
			}
			found = append(found, *c)
		}
	}
	return found, false
}

func (f Filter) chooses(c *Charge) bool {
	return (f.User == "" || f.User == c.User) && (f.OrderID == "" || f.OrderID == c.OrderID) &&
		(f.Status == "" || f.Status == c.Status) && !c.RequestedAt.Before(f.Since)
}
