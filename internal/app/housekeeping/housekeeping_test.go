package housekeeping_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func TestKeysAreDeletedOnceTheyAreADayOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		owner := addKeys(t, db, 2_500)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- housekeeping.New(db, time.Now, slog.New(slog.DiscardHandler)).Run(ctx) }()
		time.Sleep(23 * time.Hour)
		synctest.Wait()
		if !found(t, db, owner, 0) || !found(t, db, owner, 2_499) {
			t.Error("a key is gone after less than a day")
		}
		time.Sleep(90 * time.Minute)
		synctest.Wait()
		for _, i := range []int{0, 1_000, 2_499} {
			if found(t, db, owner, i) {
				t.Errorf("key %d is there after more than a day", i)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestMarksOfHandledEventsAreDeletedAfterAMonth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		events := []id.ID{id.NewSource(time.Now, rand.Reader)()}
		if fresh := mark(t, db, events); len(fresh) != 1 {
			t.Fatal("the event is not fresh at first")
		}
		service := housekeeping.New(db, time.Now, slog.New(slog.DiscardHandler))
		for _, c := range []struct {
			wait time.Duration
			want int64
		}{{29 * 24 * time.Hour, 0}, {2 * 24 * time.Hour, 1}} {
			time.Sleep(c.wait)
			if _, deleted, err := service.Once(t.Context()); err != nil || deleted != c.want {
				t.Errorf("after another %v: %d deleted, %v; want %d", c.wait, deleted, err, c.want)
			}
		}
	})
}

func mark(t *testing.T, db store.DB, events []id.ID) (fresh []id.ID) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) (err error) {
		fresh, err = tx.Handled.Mark(t.Context(), "ranking", events, time.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

// addKeys keeps answers under n idempotency keys of one user.
func addKeys(t *testing.T, db store.DB, n int) id.ID {
	t.Helper()
	owner := id.ID{7}
	err := db.Update(t.Context(), func(tx store.Tx) error {
		tx.Users.Add(user.New(user.Application{
			LoginID: "ann", Email: "ann@example.com", BirthDate: "1990-01-01", Gender: user.Female,
		}, owner, "", time.Now()))
		for i := range n {
			tx.Keys.Keep(key(owner, i), store.Answer{Fingerprint: make([]byte, 32), Status: 201, Body: []byte("{}"), At: time.Now()})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return owner
}

func found(t *testing.T, db store.DB, owner id.ID, i int) (found bool) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		answer, err := tx.Keys.Claim(t.Context(), key(owner, i))
		found = answer != nil
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func key(owner id.ID, i int) store.Key {
	return store.Key{UserID: owner, Route: "POST /orders", Key: fmt.Sprintf("key-%d", i)}
}
