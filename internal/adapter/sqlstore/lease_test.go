package sqlstore_test

import (
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
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
	raws(t, func(t *testing.T, raw raw) {
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

func TestALeaseOfTheVersionBeforeIsValid(t *testing.T) {
	t.Parallel()
	raws(t, func(t *testing.T, raw raw) {
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
	raws(t, func(t *testing.T, raw raw) {
		raw.migrated(t)
		db := raw.open()
		first := term(t, db, "ann")
		raw.exec(t, `DELETE FROM leases`)
		if second := term(t, db, "bob"); second == nil || second.Token <= first.Token {
			t.Errorf("after %v bob gets %v", first, second)
		}
	})
}
