// Package leasetest is a table of leases in memory, for tests whose database is
// one. A test of internal/adapter/sqlstore compares it with the real table.
package leasetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Table implements store.LeaseTable. It is for one transaction at a time.
type Table struct {
	Clock clock.Clock // the database's
	rows  map[string]row
}

type row struct {
	holder string
	until  time.Time
	token  int64
}

// Clone returns a copy: what is written to it can be rolled back.
func (t *Table) Clone() *Table { return &Table{Clock: t.Clock, rows: maps.Clone(t.rows)} }

// Holders returns who has which lease now, by name.
func (t *Table) Holders() map[string]string {
	holders := map[string]string{}
	for name, r := range t.rows {
		if r.until.After(t.Clock()) {
			holders[name] = r.holder
		}
	}
	return holders
}

// Acquire implements store.LeaseTable.
func (t *Table) Acquire(_ context.Context, holder string, ttl time.Duration, wanted []store.LeaseTerm) (held []store.LeaseTerm, err error) {
	now := t.Clock()
	for _, w := range wanted {
		r := t.rows[w.Name]
		if r.holder != holder && r.until.After(now) && !r.until.After(now.Add(2*ttl)) {
			continue
		}
		if r.holder != holder || r.token == 0 || r.token != w.Token {
			r.token = max(r.token+1, now.UnixMicro())
		}
		if t.rows == nil {
			t.rows = map[string]row{}
		}
		t.rows[w.Name] = row{holder, now.Add(ttl), r.token}
		held = append(held, store.LeaseTerm{Name: w.Name, Token: r.token})
	}
	return held, nil
}

// Confirm implements store.LeaseTable.
func (t *Table) Confirm(_ context.Context, holder string, term store.LeaseTerm) error {
	if r := t.rows[term.Name]; r.holder != holder || r.token != term.Token {
		return store.ErrLeaseLost
	}
	return nil
}

// Release implements store.LeaseTable.
func (t *Table) Release(holder string, names []string) {
	for name, r := range t.rows {
		if r.holder == holder && slices.Contains(names, name) {
			r.until = time.Time{}
			t.rows[name] = r
		}
	}
}
