package housekeeping_test

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// run runs a job, and returns how many rows it has deleted.
func run(t *testing.T, db store.DB, name string) int64 {
	t.Helper()
	runner := batch.New(batch.Config{
		DB: db, Jobs: housekeeping.Jobs(), Holder: "test", Clock: time.Now, IDs: id.NewSource(time.Now, rand.Reader),
		Random: mathrand.Float64, Log: slog.New(slog.DiscardHandler),
	})
	e, err := runner.Run(t.Context(), batch.Request{Job: name})
	if err != nil || e.Status != job.Completed {
		t.Fatalf("%s: %+v %v", name, e, err)
	}
	var deleted int64
	err = db.View(t.Context(), func(tx store.Tx) error {
		sums, err := tx.Parts.Summaries(t.Context(), e.Run)
		for _, s := range sums {
			deleted += s.Written
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return deleted
}

func TestKeysAreDeletedOnceTheyAreADayOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		owner := addKeys(t, db, 2_500)
		time.Sleep(23 * time.Hour)
		if n := run(t, db, "idempotencyKeyPurgeJob"); n != 0 || !found(t, db, owner, 0) || !found(t, db, owner, 2_499) {
			t.Errorf("%d keys are gone after less than a day", n)
		}
		time.Sleep(90 * time.Minute)
		if n := run(t, db, "idempotencyKeyPurgeJob"); n != 2_500 {
			t.Errorf("%d keys were deleted after more than a day", n)
		}
		for _, i := range []int{0, 1_000, 2_499} {
			if found(t, db, owner, i) {
				t.Errorf("key %d is there after more than a day", i)
			}
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
		for _, c := range []struct {
			wait time.Duration
			want int64
		}{{29 * 24 * time.Hour, 0}, {2 * 24 * time.Hour, 1}} {
			time.Sleep(c.wait)
			if deleted := run(t, db, "handledEventPurgeJob"); deleted != c.want {
				t.Errorf("after another %v: %d deleted, want %d", c.wait, deleted, c.want)
			}
		}
	})
}

func TestExecutionsOfJobsAreDeletedAfterSomeMonths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		for range 3 {
			run(t, db, "handledEventPurgeJob")
		}
		for _, c := range []struct {
			wait time.Duration
			want int64
		}{{89 * 24 * time.Hour, 0}, {2 * 24 * time.Hour, 3}} {
			time.Sleep(c.wait)
			if deleted := run(t, db, "jobHistoryPurgeJob"); deleted != c.want {
				t.Errorf("after another %v: %d deleted, want %d", c.wait, deleted, c.want)
			}
		}
	})
}

func TestDeadLettersThatAreDoneWithAreDeletedAfterSomeMonths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		done, waits := deadLetter(1), deadLetter(2)
		err := db.Update(t.Context(), func(tx store.Tx) error {
			tx.Letters.Index(done)
			tx.Letters.Index(waits)
			tx.Letters.Save(done.Discard("mina", "a test", time.Now()), deadletter.Action{What: deadletter.Discarded, At: time.Now(), Actor: "mina", Reason: "a test"})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			wait time.Duration
			want int64
		}{{89 * 24 * time.Hour, 0}, {2 * 24 * time.Hour, 1}, {1_000 * 24 * time.Hour, 0}} {
			time.Sleep(c.wait)
			if deleted := run(t, db, "deadLetterPurgeJob"); deleted != c.want {
				t.Errorf("after another %v: %d deleted, want %d", c.wait, deleted, c.want)
			}
		}
	})
}

func deadLetter(n int64) deadletter.Letter {
	return deadletter.Letter{
		ID: id.ID{15: byte(n)}, At: deadletter.Place{Topic: "order-events-dlt", Offset: n}, DeadAt: time.Now(),
		Origin: deadletter.Place{Topic: "order-events", Offset: n}, Group: "ranking", ChangedAt: time.Now(),
	}
}

// A dead letter may be replayed only as long as its group surely remembers that it has
// counted the event.
func TestMarksOfEventsOutliveTheReplaysOfDeadLetters(t *testing.T) {
	t.Parallel()
	if housekeeping.HandledLife <= deadletter.ReplayWithin {
		t.Errorf("marks are kept for %v, and events are replayed for %v", housekeeping.HandledLife, deadletter.ReplayWithin)
	}
}

// A day is kept for 90 days after its end, whatever the time of the run.
func TestEventsAreForgottenAfterSomeMonths(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		ids := id.NewSource(time.Now, rand.Reader)
		err := db.Update(t.Context(), func(tx store.Tx) error {
			events := make([]store.LoggedEvent, 2_500)
			for i := range events {
				events[i].Envelope = event.Envelope{ID: ids(), Type: "a", Key: "1", Time: time.Now(), Data: []byte("{}")}
				events[i].LoggedAt = time.Now()
			}
			_, err := tx.Events.Add(t.Context(), events, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		day := clock.DayOf(time.Now())
		for _, c := range []struct {
			at   time.Time
			want int64
		}{{day.Add(91).Start().Add(-time.Second), 0}, {day.Add(91).Start(), 2_500}, {day.Add(92).Start(), 0}} {
			time.Sleep(time.Until(c.at))
			if deleted := run(t, db, "eventLogPurgeJob"); deleted != c.want {
				t.Errorf("on %s: %d deleted, want %d", clock.DayOf(c.at), deleted, c.want)
			}
		}
	})
}

func TestADayThatIsNoNumberIsRefused(t *testing.T) {
	t.Parallel()
	for _, j := range housekeeping.Jobs() {
		for _, days := range []string{"0", "-1", "many", "70000"} {
			if _, err := j.Plan(job.Parameters{"days": days}); err == nil && len(j.Parameters) > 0 && j.Parameters[0].Name == "days" {
				t.Errorf("%q days were accepted", days)
			}
		}
	}
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

// A reader who has begun with the first page reads on for an hour, whatever was
// published meanwhile.
func TestRankingsThatWereReplacedAreDeletedAfterAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t, sqlstore.Options{})
		old := publish(t, db, 3)
		time.Sleep(24 * time.Hour)
		if n := run(t, db, "rankingPublicationPurgeJob"); n != 0 || rowsOf(t, db, old) != 3 {
			t.Errorf("%d rows of a ranking that readers see are deleted", n)
		}
		next := publish(t, db, 2)
		for _, c := range []struct {
			wait       time.Duration
			want, left int64
		}{{59 * time.Minute, 0, 3}, {2 * time.Minute, 4, 0}} { // the publication is a row, too
			time.Sleep(c.wait)
			if n := run(t, db, "rankingPublicationPurgeJob"); n != c.want || rowsOf(t, db, old) != c.left {
				t.Errorf("after another %v: %d deleted and %d left, want %d and %d", c.wait, n, rowsOf(t, db, old), c.want, c.left)
			}
		}
		if n := rowsOf(t, db, next); n != 2 {
			t.Errorf("the ranking that readers see has %d rows", n)
		}
	})
}

// publish publishes the ranking of a day with a number of rows.
func publish(t *testing.T, db store.DB, n int64) id.ID {
	t.Helper()
	day := ranking.PeriodOf(ranking.Daily, 20260105)
	run := id.NewSource(time.Now, rand.Reader)()
	work := ranking.Work{Run: run, Period: day}
	var rows []ranking.Row
	for i := range n {
		rows = append(rows, ranking.Row{Entry: ranking.Entry{Rank: i + 1, ProductID: n - i, Score: ranking.Points(n - i)}})
	}
	err := db.Update(t.Context(), func(tx store.Tx) error {
		tx.Rollup.Keep(work, rows)
		_, err := tx.Rollup.Settle(t.Context(), work, run, n, n)
		tx.Published.Publish(ranking.Publication{Period: day, Run: run, AsOf: time.Now(), Weights: "w", Rows: n, Limit: n})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func rowsOf(t *testing.T, db store.DB, run id.ID) int64 {
	t.Helper()
	var rows []ranking.Row
	err := db.View(t.Context(), func(tx store.Tx) (err error) {
		rows, err = tx.Published.Rows(t.Context(), run, 0, 100)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(rows))
}

func TestATimeThatCannotBeUsedIsRefused(t *testing.T) {
	t.Parallel()
	for _, j := range housekeeping.Jobs() {
		for _, keep := range []string{"", "1", "-1h", "59s", "long"} {
			if _, err := j.Plan(job.Parameters{"keep": keep}); err == nil && j.Name == "rankingPublicationPurgeJob" {
				t.Errorf("%q was accepted", keep)
			}
		}
	}
}
