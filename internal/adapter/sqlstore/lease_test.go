package sqlstore_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/leasetest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// term acquires the lease "x" for a minute, and returns nil if it cannot be had.
func term(t *testing.T, db store.DB, holder string) (term *store.LeaseTerm) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		held, err := tx.Leases.Acquire(t.Context(), holder, time.Minute, []store.LeaseTerm{{Name: "x"}})
		for _, h := range held {
			term = &h
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return term
}

// A host whose clock was a year ahead has left its lease behind, in an older
// version of the program, which wrote leases by the clock of the host.
func TestALeaseFromTheFutureIsFree(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, raw rawDB) {
		t.Helper()
		raw.migrated(t)
		db := raw.open()
		first := term(t, db, "ann")
		if first == nil || term(t, db, "bob") != nil {
			t.Fatal("the lease has no holder, or two")
		}
		raw.exec(t, `UPDATE leases SET until_us = until_us + 31536000000000`)
		second := term(t, db, "bob")
		if second == nil || second.Token <= first.Token {
			t.Fatalf("bob gets %v after %v", second, first)
		}
		if term(t, db, "ann") != nil {
			t.Error("the new term is not as long as any other")
		}
	})
}

// On PostgreSQL a host with a wrong clock neither keeps a lease for longer than its TTL
// nor loses it sooner: the clock of the server decides.
func TestAHostWithAWrongClockHoldsALeaseLikeAnyOther(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t, sqlstore.Options{})
	for name, wrong := range map[string]time.Duration{"ahead": 24 * 365 * time.Hour, "behind": -24 * 365 * time.Hour} {
		host := db.At(func() time.Time { return time.Now().Add(wrong) })
		held := term(t, host, name)
		if held == nil || term(t, db, "bob") != nil {
			t.Errorf("a host whose clock is %s has %v, and another host has the lease too", name, held)
		}
		if err := db.Update(t.Context(), func(tx store.Tx) error {
			tx.Leases.Release(name, []string{"x"})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALeaseOfTheVersionBeforeIsValid(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, raw rawDB) {
		t.Helper()
		raw.atVersion1(t)
		until := time.Now().Add(30 * time.Second).UnixMicro()
		raw.exec(t, `INSERT INTO leases (name, holder, until_us) VALUES ('x', 'ann', $1)`, until)
		raw.migrated(t)
		db := raw.open()
		if held := term(t, db, "bob"); held != nil {
			t.Errorf("bob takes it: %v", held)
		}
		if held := term(t, db, "ann"); held == nil || held.Token == 0 {
			t.Errorf("ann renews it and gets %v", held)
		}
		// That version does not know of tokens.
		raw.exec(t, `UPDATE leases SET holder = 'bob', until_us = $1`, until)
		if held := term(t, db, "ann"); held != nil {
			t.Errorf("ann takes it from the version before: %v", held)
		}
	})
}

// The row is where a lease's last token is kept.
func TestTokensGrowEvenIfRowsAreDeleted(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, raw rawDB) {
		t.Helper()
		raw.migrated(t)
		db := raw.open()
		first := term(t, db, "ann")
		raw.exec(t, `DELETE FROM leases`)
		if second := term(t, db, "bob"); second == nil || second.Token <= first.Token {
			t.Errorf("after %v bob gets %v", first, second)
		}
	})
}

// contest is three holders, two leases and any sequence of steps on the table of
// SQLite, whose clock is the test's, and on the table in memory.
type contest struct {
	*testing.T

	db    store.DB
	model *leasetest.Table
	terms map[string]store.LeaseTerm // the last of each holder and lease
	last  map[string]int64           // the greatest token of each lease
	names []string
}

func TestLeasesInMemoryAreThoseOfTheDatabase(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, time.November, 3, 12, 0, 0, 0, time.UTC)
	db := storetest.SQLite(t, sqlstore.Options{Clock: func() time.Time { return now }})
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		c := &contest{
			T: t, db: db, model: &leasetest.Table{Clock: func() time.Time { return now }},
			terms: map[string]store.LeaseTerm{}, last: map[string]int64{},
			names: []string{fmt.Sprintf("x%d", runs), fmt.Sprintf("y%d", runs)},
		}
		holder := rapid.SampledFrom([]string{"ann", "bob", "eve"})
		name := rapid.SampledFrom(c.names)
		rt.Repeat(map[string]func(*rapid.T){
			"time passes": func(rt *rapid.T) { now = now.Add(rapid.SampledFrom([]time.Duration{1, 1e6, 1e9, 5e9}).Draw(rt, "for")) },
			"the clock steps back": func(rt *rapid.T) {
				now = now.Add(-rapid.SampledFrom([]time.Duration{1e6, 1e9, 3600e9}).Draw(rt, "by"))
			},
			"acquire": func(rt *rapid.T) { c.acquire(rt, holder.Draw(rt, "holder"), rapid.Bool().Draw(rt, "restarted")) },
			"confirm": func(rt *rapid.T) { c.confirm(rt, holder.Draw(rt, "holder"), name.Draw(rt, "name")) },
			"release": func(rt *rapid.T) { c.release(rt, holder.Draw(rt, "holder"), name.Draw(rt, "name")) },
		})
	})
}

func (c *contest) acquire(rt *rapid.T, holder string, restarted bool) {
	var wanted, held []store.LeaseTerm
	for _, name := range c.names {
		term := store.LeaseTerm{Name: name}
		if !restarted {
			term.Token = c.terms[holder+name].Token
		}
		wanted = append(wanted, term)
	}
	err := c.db.Update(c.Context(), func(tx store.Tx) (err error) {
		held, err = tx.Leases.Acquire(c.Context(), holder, store.LeaseTTL, wanted)
		return err
	})
	want, wrong := c.model.Acquire(c.Context(), holder, store.LeaseTTL, wanted)
	if err != nil || wrong != nil {
		rt.Fatal(err)
	}
	slices.SortFunc(held, func(a, b store.LeaseTerm) int { return cmp.Compare(a.Name, b.Name) })
	if !slices.Equal(held, want) {
		rt.Fatalf("%s gets %v, in memory %v", holder, held, want)
	}
	for _, term := range held {
		if before := c.terms[holder+term.Name]; term != before && term.Token <= c.last[term.Name] {
			rt.Fatalf("the token of %v is not greater than %d", term, c.last[term.Name])
		}
		c.terms[holder+term.Name], c.last[term.Name] = term, max(term.Token, c.last[term.Name])
	}
}

// confirm succeeds for the last term of a lease only.
func (c *contest) confirm(rt *rapid.T, holder, name string) {
	term := c.terms[holder+name]
	err := c.db.Update(c.Context(), func(tx store.Tx) error { return tx.Leases.Confirm(c.Context(), holder, term) })
	if want := c.model.Confirm(c.Context(), holder, term); !errors.Is(err, want) {
		rt.Fatalf("%s confirms %v: %v, in memory %v", holder, term, err, want)
	}
	if last := term.Token > 0 && term.Token == c.last[name]; last != (err == nil) {
		rt.Fatalf("%s confirms %v: %v; the last token is %d", holder, term, err, c.last[name])
	}
}

func (c *contest) release(rt *rapid.T, holder, name string) {
	err := c.db.Update(c.Context(), func(tx store.Tx) error {
		tx.Leases.Release(holder, []string{name})
		return nil
	})
	c.model.Release(holder, []string{name})
	if err != nil {
		rt.Fatal(err)
	}
}
