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

// entry is one change of the ledger and one line of the journal.
type entry struct {
	Op       string        `json:"op"`
	Charge   *Charge       `json:"charge,omitempty"` // of opAccepted
	Key      string        `json:"key,omitempty"`    // of all other operations
	At       time.Time     `json:"at,omitzero"`
	Status   pgwire.Status `json:"status,omitempty"` // of opSettled
	Reason   string        `json:"reason,omitempty"`
	Callback *Callback     `json:"callback,omitempty"` // of opCalled
}

// commit writes an entry to the journal and then applies it. The caller holds the lock.
func (l *ledger) commit(e entry) error {
	if err := l.journal.write(e); err != nil {
		return err
	}
	return l.apply(e)
}

// apply applies an entry. It returns an error for an entry that accept, settle, cancel and
// recordCallback do not write.
func (l *ledger) apply(e entry) error {
	if e.Op == opAccepted {
		return l.applyAccepted(e.Charge)
	}
	c := l.byKey[e.Key]
	if c == nil {
		return fmt.Errorf("%s: %w", e.Op, errNotFound)
	}
	before := c.Status
	switch {
	case e.Op == opCalled && e.Callback != nil:
		c.Callback = *e.Callback
	case e.Op == opSettled && before == pgwire.Pending && isFinal(e.Status):
		l.applySettled(c, e)
	case e.Op == opCancelled && (before == pgwire.Pending || before == pgwire.Success):
		l.applyCancelled(c, e)
	default:
		return fmt.Errorf("a transaction with status %s cannot be %s", before, e.Op)
	}
	l.totals.ByStatus[before]--
	l.totals.ByStatus[c.Status]++
	return nil
}

func isFinal(status pgwire.Status) bool { return status == pgwire.Success || status == pgwire.Failed }

func (l *ledger) applyAccepted(given *Charge) error {
	if given == nil || given.TransactionKey == "" || given.Status != pgwire.Pending || given.Sequence != len(l.charges)+1 {
		return fmt.Errorf("transaction %d is not a newly accepted one", len(l.charges)+1)
	}
	if l.byKey[given.TransactionKey] != nil {
		return fmt.Errorf("duplicate transaction key %s", given.TransactionKey)
	}
	c := *given // a copy: the caller keeps its own
	l.charges = append(l.charges, &c)
	l.byKey[c.TransactionKey] = &c
	l.byOrder[userKey{c.User, c.OrderID}] = append(l.byOrder[userKey{c.User, c.OrderID}], &c)
	if c.IdempotencyKey != "" {
		l.byIdempotencyKey[userKey{c.User, c.IdempotencyKey}] = &c
	}
	l.totals.Transactions++
	l.totals.ByStatus[c.Status]++
	return nil
}

func (l *ledger) applySettled(c *Charge, e entry) {
	c.Status, c.Reason, c.SettledAt = e.Status, e.Reason, &e.At
	if e.Status == pgwire.Success {
		c.Charged = c.Amount
		l.totals.Charged += c.Amount
	}
}

func (l *ledger) applyCancelled(c *Charge, e entry) {
	c.CancelledAt, c.Reason = &e.At, "cancelled before it was charged"
	if c.Status == pgwire.Success {
		c.Refunded, c.Reason = c.Charged, "refunded"
		l.totals.Refunded += c.Refunded
	}
	c.Status = pgwire.Cancelled
}

// currentTotals returns the current totals.
func (l *ledger) currentTotals() Totals {
	l.mu.RLock()
	defer l.mu.RUnlock()
	t := l.totals
	t.Net = t.Charged - t.Refunded
	t.ByStatus = maps.Clone(t.ByStatus)
	return t
}

// Filter selects transactions. The zero Filter selects all.
type Filter struct {
	User, OrderID string
	Status        pgwire.Status
	Since         time.Time // requested at this time or later
	After         int       // with a higher Sequence
	Size          int       // maximum number; 0 is no limit
}

// list returns the transactions that match a filter, oldest first, and whether there are more.
func (l *ledger) list(f Filter) (found []Charge, more bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	found = []Charge{}
	for i := max(f.After, 0); i < len(l.charges); i++ {
		if c := l.charges[i]; f.matches(c) {
			if f.Size > 0 && len(found) == f.Size {
				return found, true
			}
			found = append(found, *c)
		}
	}
	return found, false
}

func (f Filter) matches(c *Charge) bool {
	return (f.User == "" || f.User == c.User) && (f.OrderID == "" || f.OrderID == c.OrderID) &&
		(f.Status == "" || f.Status == c.Status) && !c.RequestedAt.Before(f.Since)
}
