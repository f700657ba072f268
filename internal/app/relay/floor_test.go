package relay_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// commitOneByOne commits events and lets each be relayed before the next.
func commitOneByOne(db *database, p *process, n int) {
	for range n {
		db.add(1, "a")
		p.committed <- struct{}{}
		synctest.Wait()
	}
}

func (d *database) begun() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.afters)
}

func TestTheRelayBeginsBehindWhatItHasDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		p := start(t, 1, connection{database: db}, &topic{}, quiet())
		commitOneByOne(db, p, 10)
		if last := slices.Max(db.begun()); last < 7 { // it moves with every third
			t.Errorf("after 10 events it begins at %d", last)
		}
		time.Sleep(31 * time.Second) // and now and then at the beginning, as a net
		before := len(db.begun())
		time.Sleep(31 * time.Second)
		if !slices.Contains(db.begun()[before:], 0) {
			t.Error("it never looks at the beginning again")
		}
	})
}

// A transaction that began before some events were seen may commit events with lower
// numbers, until it ends.
func TestTheRelayBeginsBehindNothingThatMayCommitLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		open := db.begin()
		p := start(t, 1, connection{database: db}, &topic{}, quiet())
		commitOneByOne(db, p, 10)
		if last := slices.Max(db.begun()); last != 0 {
			t.Errorf("it begins at %d although a transaction is open", last)
		}
		db.commit(open)
		commitOneByOne(db, p, 2)
		if last := slices.Max(db.begun()); last != 1 {
			t.Errorf("it begins at %d, want 1: what it saw first", last)
		}
	})
}

// PostgreSQL's xmax follows the youngest transaction that has ended. One that is open may be
// younger, with a lower number in the outbox than one that is older and has ended: the floor moved
// over it, and its events came after younger ones of their keys, up to half a minute late.
func TestWhateverIsCommittedIsRelayedAtOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		type transaction struct {
			number int64
			key    string
			events []store.OutboxRecord
		}
		keys := []string{"a", "b", "c", "d"}
		steps := rapid.SliceOfN(rapid.IntRange(0, 11), 10, 60).Draw(rt, "steps") // action and which transaction
		synctest.Test(t, func(t *testing.T) {
			db, log := newDatabase(), &topic{}
			p := start(t, 1, connection{database: db}, log, quiet())
			var open []transaction
			for _, step := range steps {
				switch n := step / 3; {
				case step%3 == 0 && len(keys) > 0:
					open = append(open, transaction{number: db.begin(), key: keys[0]})
					keys = keys[1:]
				case step%3 == 1 && n < len(open):
					open[n].events = append(open[n].events, db.number(open[n].key))
				case step%3 == 2 && n < len(open):
					db.commit(open[n].number, open[n].events...)
					keys = append(keys, open[n].key)
					open = slices.Delete(open, n, n+1)
					p.committed <- struct{}{}
					synctest.Wait()
					if left := db.left(); left != 0 {
						rt.Errorf("%d committed events are not relayed", left)
					}
				}
			}
			p.stop()
		})
	})
}

func TestTheRelayBeginsBehindNoEventThatItCouldNotSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newDatabase()
		refuses := &topic{outcome: func(key string, given int) (int, int) {
			if key == "b" {
				return 0, 0
			}
			return given, given
		}}
		p := start(t, 1, connection{database: db}, refuses, quiet())
		db.add(1, "b")
		commitOneByOne(db, p, 10)
		refuses.mu.Lock()
		refuses.outcome = nil
		refuses.mu.Unlock()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if db.left() != 0 {
			t.Errorf("%d events are left", db.left())
		}
	})
}

// A transaction has its numbers early and commits late. Its events are relayed at once,
// not only when the relay looks at the beginning again. An older transaction has later
// numbers, and commits before: see the test above.
func TestEventsThatAreCommittedLateAreRelayedSoon(t *testing.T) {
	t.Parallel()
	db, log := storetest.Postgres(t, sqlstore.Options{}), &topic{}
	t.Cleanup(run(t, relay.New(relay.Config{
		DB: db, Publisher: log, Another: same(log), Announcer: db, Committed: db.Committed(), Noticed: db.Noticed(), Meter: &meter{},
		Clock: time.Now, Random: rand.Float64, Holder: "A",
	}, quiet())))
	begun, numbered, commit := make(chan struct{}), make(chan struct{}), make(chan struct{})
	older, late := make(chan error, 1), make(chan error, 1)
	go func() {
		older <- db.Update(t.Context(), func(tx store.Tx) error {
			if _, err := tx.Leases.Acquire(t.Context(), "B", time.Minute, []store.LeaseTerm{{Name: "a lease"}}); err != nil {
				return err
			}
			close(begun)
			<-numbered
			tx.Outbox.Append(time.Now(), event.NewStockDepleted(2))
			return nil
		})
	}()
	<-begun
	go func() {
		late <- db.Update(t.Context(), func(tx store.Tx) error {
			tx.Outbox.Append(time.Now(), event.NewStockDepleted(1))
			if _, err := tx.Outbox.Next(t.Context(), []int{0}, 1); err != nil { // sends the event
				return err
			}
			close(numbered)
			<-commit
			return nil
		})
	}()
	if err := <-older; err != nil {
		t.Fatal(err)
	}
	written := func(n int) {
		t.Helper()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		deadline := time.After(20 * time.Second) // less than until it looks at the beginning again
		for len(log.written()) != n {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("%d of %d events are relayed", len(log.written()), n)
			}
		}
	}
	for n := range 20 {
		err := db.Update(t.Context(), func(tx store.Tx) error { tx.Outbox.Append(time.Now(), event.NewStockDepleted(2)); return nil })
		if err != nil {
			t.Fatal(err)
		}
		written(n + 2)
	}
	close(commit)
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	written(22)
}
