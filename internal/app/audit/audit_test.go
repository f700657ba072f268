package audit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

var (
	noon  = time.Date(2025, time.November, 3, 3, 0, 0, 0, time.UTC)
	mina  = id.ID{1}
	order = id.ID{2}
)

func at(t time.Time) clock.Clock { return func() time.Time { return t } }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// idAt returns an id that was made at a time.
func idAt(t time.Time) id.ID { return id.NewSource(at(t), rand.Reader)() }

// received returns an event of a type with some data.
func received(kind, key, data string) event.Received {
	return event.Received{
		Envelope: event.Envelope{
			ID: idAt(noon), Type: kind, Source: "/elsewhere", Time: noon, Topic: "catalog-events", Key: key, Data: []byte(data),
		},
		Partition: 3, Offset: 17,
	}
}

func logOf(t *testing.T) (*audit.Service, store.DB) {
	t.Helper()
	db := storetest.SQLite(t, sqlstore.Options{})
	return audit.New(db, at(noon), quiet()), db
}

func get(t *testing.T, s *audit.Service, e id.ID) store.LoggedEvent {
	t.Helper()
	found, err := s.Get(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEventsOfAllTypesAreKeptOnceWithWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	s, _ := logOf(t)
	batch := []event.Received{
		received("product.exploded", "17", `{"userId":"`+mina.String()+`","orderId":"`+order.String()+`","new":[1]}`),
		received("order.thought", order.String(), `{"userId":null,"orderId":"`+order.String()+`"}`),
		received("odd", "1", `{"userId":7,"orderId":{"a":1},"paidAt":"soon","lines":"none"}`),
	}
	for range 2 {
		if err := s.Handle(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []store.LoggedEvent{{UserID: &mina, OrderID: &order}, {}, {}} {
		want.Received, want.LoggedAt = batch[i], noon
		if diff := cmp.Diff(want, get(t, s, batch[i].ID)); diff != "" {
			t.Errorf("event %d (-want +got):\n%s", i, diff)
		}
	}
	if added, repeated := s.Kept(); added != 3 || repeated != 3 {
		t.Errorf("%d events are counted as new, %d as repeated", added, repeated)
	}
	if err := s.Handle(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// The log is where somebody looks for the reason of a dead letter of another group.
func TestDataThatIsNoJSONIsKeptAsAString(t *testing.T) {
	t.Parallel()
	s, _ := logOf(t)
	for data, want := range map[string]string{
		`{"a":`: `"{\"a\":"`, "\x00\xff": `"\u0000\ufffd"`, "": `""`, `{"a":"` + "\xff" + `"}`: `"{\"a\":\"\ufffd\"}"`, `{ "a": 1 }`: `{ "a": 1 }`,
	} {
		e := received("product.liked", "1", data)
		if err := s.Handle(t.Context(), []event.Received{e}); err != nil {
			t.Fatal(err)
		}
		if got := string(get(t, s, e.ID).Data); got != want {
			t.Errorf("%q is kept as %s, want %s", data, got, want)
		}
	}
}

func TestTextThatADatabaseCannotStoreIsUnreadable(t *testing.T) {
	t.Parallel()
	s, _ := logOf(t)
	for _, text := range []string{"a\x00b", "a\xffb", strings.Repeat("k", 1_001)} {
		for what, change := range map[string]func(*event.Received){
			"type":        func(e *event.Received) { e.Type = text },
			"source":      func(e *event.Received) { e.Source = text },
			"key":         func(e *event.Received) { e.Key = text },
			"traceparent": func(e *event.Received) { e.Traceparent = text },
		} {
			good, bad := received("a", "1", "{}"), received("a", "1", "{}")
			change(&bad)
			if err := s.Handle(t.Context(), []event.Received{good, bad}); !errors.Is(err, event.ErrUnreadable) {
				t.Errorf("a bad %s: %v", what, err)
			}
			if _, err := s.Get(t.Context(), good.ID); !errors.Is(err, store.ErrEventNotFound) {
				t.Errorf("a batch with a bad %s was kept in part: %v", what, err)
			}
		}
	}
}

func TestOrdersCountForTheirProductsOnTheDayOfThePayment(t *testing.T) {
	t.Parallel()
	s, db := logOf(t)
	paid := received("order.paid", order.String(), `{"paidAt":"2025-11-02T12:00:00.5+09:00","lines":[{"productId":7},{"productId":-1},{"productId":8}]}`)
	open := received("order.cancelled", order.String(), `{"paidAt":null,"lines":[{"productId":7}]}`)
	if err := s.Handle(t.Context(), []event.Received{paid, open}); err != nil {
		t.Fatal(err)
	}
	for _, product := range []int64{7, 8} {
		err := db.View(t.Context(), func(tx store.Tx) error {
			found, err := tx.Events.OfProduct(t.Context(), product, store.EventFilter{}, 9)
			if len(found) != 1 || found[0].ID != paid.ID || !found[0].CountedAt.Equal(time.Date(2025, 11, 2, 3, 0, 0, 5e8, time.UTC)) {
				t.Errorf("product %d has the events %+v", product, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestPagesOfTheListGoOnWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	s, _ := logOf(t)
	var batch []event.Received
	for range 25 {
		batch = append(batch, received("a", "1", "{}"))
	}
	if err := s.Handle(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	seen, cursor := map[id.ID]bool{}, ""
	for range 3 {
		p, err := s.List(t.Context(), store.EventFilter{Types: []string{"a"}}, 10, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Items {
			seen[e.ID] = true
		}
		cursor = p.Next
	}
	if len(seen) != 25 || cursor != "" {
		t.Errorf("three pages have %d events, and end at %q", len(seen), cursor)
	}
	for _, f := range []store.EventFilter{{From: noon, To: noon}, {From: noon, To: noon.Add(-1)}} {
		if _, err := s.List(t.Context(), f, 10, ""); !errors.Is(err, fault.ErrValidation) {
			t.Errorf("from %v to %v: %v", f.From, f.To, err)
		}
	}
	if _, err := s.List(t.Context(), store.EventFilter{}, 10, "nonsense"); err == nil {
		t.Error("a cursor of nonsense is accepted")
	}
}

// countingDB counts the times that days are prepared, and can refuse to.
type countingDB struct {
	store.DB
	prepared [][]clock.Day
	left     []clock.Day
	err      error
	during   func() // the preparation
}

func (d *countingDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	return d.DB.Update(ctx, func(tx store.Tx) error {
		tx.Events = countingLog{tx.Events, d}
		return fn(tx)
	})
}

type countingLog struct {
	store.EventLog
	db *countingDB
}

func (l countingLog) Prepare(_ context.Context, days []clock.Day) ([]clock.Day, error) {
	l.db.prepared = append(l.db.prepared, days)
	if l.db.during != nil {
		l.db.during()
	}
	return l.db.left, l.db.err
}

func TestDaysArePreparedOnceAndAhead(t *testing.T) {
	t.Parallel()
	db := &countingDB{DB: storetest.SQLite(t, sqlstore.Options{})}
	now := noon
	s := audit.New(db, func() time.Time { return now }, quiet())
	handle := func(ids ...id.ID) {
		t.Helper()
		var batch []event.Received
		for _, v := range ids {
			e := received("a", "1", "{}")
			e.ID = v
			batch = append(batch, e)
		}
		if err := s.Handle(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	day := 24 * time.Hour
	handle(idAt(noon), idAt(noon.Add(-5*day)))
	handle(idAt(noon), idAt(noon.Add(day)))
	handle(idAt(noon.Add(3*day)), idAt(noon.Add(-367*day)), id.ID{6: 0x40}) // they are not worth a day
	handle(idAt(noon.Add(-366 * day)))
	for range 2 {
		now = now.Add(day)
		handle(idAt(noon)) // of two days ago at last: the days ahead do not wait for events of today
	}
	want := [][]clock.Day{{20251029, 20251103, 20251104, 20251105}, {20241102}, {20251106}, {20251107}}
	if diff := cmp.Diff(want, db.prepared); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A batch waits for another one that prepares the days, but not beyond its own deadline:
// a consumer that has to give its partitions back cannot wait for a lock of the log.
func TestABatchWaitsForThePreparationOfDaysUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &countingDB{DB: storetest.SQLite(t, sqlstore.Options{}), during: func() { time.Sleep(time.Minute) }}
		s := audit.New(db, at(noon), quiet())
		first := make(chan error)
		go func() { first <- s.Handle(t.Context(), []event.Received{received("a", "1", "{}")}) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := s.Handle(ctx, []event.Received{received("a", "1", "{}")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second batch: %v", err)
		}
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("the second batch waited for %v", waited)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

// A day that has too many events elsewhere is said once, and not tried again.
func TestADayThatGetsNoRoomIsSaid(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	db := &countingDB{DB: storetest.SQLite(t, sqlstore.Options{}), left: []clock.Day{20251103}}
	s := audit.New(db, at(noon), slog.New(slog.NewTextHandler(&lines, nil)))
	for range 2 {
		if err := s.Handle(t.Context(), []event.Received{received("a", "1", "{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if len(db.prepared) != 1 || strings.Count(lines.String(), "level=WARN") != 1 || !strings.Contains(lines.String(), "day=20251103") {
		t.Errorf("after %d attempts:\n%s", len(db.prepared), &lines)
	}
}

// A batch whose partition goes to another member says nothing about the database.
func TestABatchThatIsCutShortDoesNotPutOffTheNextDays(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	db := &countingDB{DB: storetest.SQLite(t, sqlstore.Options{}), during: end}
	s := audit.New(db, at(noon), quiet())
	if err := s.Handle(ended, []event.Received{received("a", "1", "{}")}); err == nil {
		t.Error("a batch whose context has ended was kept")
	}
	db.prepared = nil
	if err := s.Handle(t.Context(), []event.Received{received("a", "1", "{}")}); err != nil || len(db.prepared) != 1 {
		t.Errorf("%v after %d attempts", err, len(db.prepared))
	}
}

// Whoever cannot make partitions can still keep events.
func TestEventsAreKeptThoughTheirDayCannotBePrepared(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	now := noon
	db := &countingDB{DB: storetest.SQLite(t, sqlstore.Options{}), err: errors.New("permission denied for schema public")}
	s := audit.New(db, func() time.Time { return now }, slog.New(slog.NewTextHandler(&lines, nil)))
	for range 3 {
		if err := s.Handle(t.Context(), []event.Received{received("a", "1", "{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if added, _ := s.Kept(); added != 3 || len(db.prepared) != 1 || strings.Count(lines.String(), "permission denied") != 1 {
		t.Errorf("%d events are kept after %d attempts:\n%s", added, len(db.prepared), &lines)
	}
	db.err, now = nil, noon.Add(time.Minute)
	for range 2 {
		if err := s.Handle(t.Context(), []event.Received{received("a", "1", "{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if len(db.prepared) != 2 || !strings.Contains(lines.String(), "recovered") {
		t.Errorf("after %d attempts:\n%s", len(db.prepared), &lines)
	}
}
