package deadletters_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// broker is where letters are replayed to.
type broker struct {
	mu         sync.Mutex
	sent       []deadletter.Letter
	refuse     func(n int, l deadletter.Letter) error // of the n-th letter; may be nil
	unreadable id.ID
}

func (b *broker) Readable(l deadletter.Letter) error {
	if l.ID == b.unreadable {
		return event.ErrUnreadable
	}
	return nil
}

func (b *broker) Replay(_ context.Context, letters []deadletter.Letter) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	errs := make([]error, len(letters))
	for i, l := range letters {
		if b.refuse != nil {
			errs[i] = b.refuse(len(b.sent), l)
		}
		if errs[i] == nil {
			b.sent = append(b.sent, l)
		}
	}
	return errs
}

func (b *broker) offsets() (offsets []int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.sent {
		offsets = append(offsets, l.Origin.Offset)
	}
	return offsets
}

// desk is a desk on an empty database.
type desk struct {
	*deadletters.Service

	t      *testing.T
	db     store.DB
	broker *broker
	ids    id.Source
}

func onBothEngines(t *testing.T, test func(d *desk)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newDesk(t, open(t, sqlstore.Options{})))
		})
	}
}

func newDesk(t *testing.T, db store.DB) *desk {
	t.Helper()
	b := &broker{}
	return &desk{
		Service: deadletters.New(db, b, time.Now, slog.New(slog.DiscardHandler)), t: t, db: db, broker: b, ids: id.NewSource(time.Now, rand.Reader),
	}
}

// letter returns a letter that died a minute ago.
func (d *desk) letter(offset int64) deadletter.Letter {
	at := time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	return deadletter.Letter{
		ID: d.ids(), At: deadletter.Place{Topic: "order-events-dlt", Partition: 1, Offset: 1_000 + offset}, DeadAt: at, ChangedAt: at,
		Origin: deadletter.Place{Topic: event.OrderTopic, Partition: 3, Offset: offset}, OriginAt: &at, Group: event.RankingGroup, Key: "k",
		EventID: d.ids(), Type: "order.paid", Cause: "commerce.HandlerFailed", Message: "none", Attempts: 3, State: deadletter.New,
		Content: &deadletter.Content{Key: []byte("k"), Value: []byte("v")},
	}
}

// index indexes n letters, and returns them in the order of their origins.
func (d *desk) index(n int) []deadletter.Letter {
	d.t.Helper()
	var all []deadletter.Letter
	for i := range n {
		all = append(all, d.letter(int64(i)))
	}
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	if err := d.Index(d.t.Context(), backwards); err != nil {
		d.t.Fatal(err)
	}
	return all
}

func (d *desk) show(letter id.ID) deadletters.Details {
	d.t.Helper()
	found, err := d.Show(d.t.Context(), letter)
	if err != nil {
		d.t.Fatal(err)
	}
	return found
}

// states counts the letters by state.
func (d *desk) states() map[deadletter.State]int64 {
	d.t.Helper()
	all, err := d.Summaries(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	counts := map[deadletter.State]int64{}
	for _, s := range all {
		counts[s.State] = s.Letters
	}
	return counts
}

// run runs a job of the desk as another process.
func (d *desk) run(name string, p job.Parameters) job.Execution {
	d.t.Helper()
	runner := batch.New(batch.Config{
		DB: d.db, Jobs: d.Jobs(), Holder: d.ids().String(), Clock: time.Now, IDs: d.ids, Random: mathrand.Float64, Log: slog.New(slog.DiscardHandler),
	})
	e, err := runner.Run(d.t.Context(), batch.Request{Job: name, Parameters: p, StartedBy: "mina"})
	if err != nil {
		d.t.Fatal(err)
	}
	return e
}

func why() deadletters.Order { return deadletters.Order{Actor: "mina", Reason: "fixed in 1.2"} }

func replays(f deadletter.Filter) job.Parameters {
	return deadletters.Parameters(f, why(), deadletters.Terms{MaxReplays: 3}, 1_000)
}

func TestAReplayIsStoredOnceKafkaHasConfirmedIt(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(d *desk) {
		l := d.index(1)[0]
		d.broker.refuse = func(int, deadletter.Letter) error { return fault.New(fault.Unavailable, "AWAY", "kafka is away") }
		if _, err := d.Replay(d.t.Context(), l.ID, deadletters.Terms{}, why()); fault.KindOf(err) != fault.Unavailable {
			d.t.Errorf("a replay without Kafka: %v", err)
		}
		if got := d.show(l.ID); got.State != deadletter.New || len(got.Actions) != 0 {
			d.t.Errorf("after it the letter is %+v", got)
		}
		d.broker.refuse = nil
		got, err := d.Replay(d.t.Context(), l.ID, deadletters.Terms{}, why())
		if err != nil || got.State != deadletter.Replayed || got.Replays != 1 || got.Actor != "mina" || got.Reason != "fixed in 1.2" || len(got.Actions) != 1 {
			d.t.Errorf("after a replay: %+v, %v", got, err)
		}
	})
}

// The process dies after Kafka has confirmed a replay, and before that is stored: the
// letter is as it was, and is sent again.
func TestAReplayThatWasNotStoredIsRepeated(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t, sqlstore.Options{}))
	l := d.index(1)[0]
	dying := deadletters.New(failing{d.db}, d.broker, time.Now, slog.New(slog.DiscardHandler))
	if _, err := dying.Replay(t.Context(), l.ID, deadletters.Terms{}, why()); !errors.Is(err, errDied) {
		t.Errorf("Replay = %v", err)
	}
	if got := d.show(l.ID); got.State != deadletter.New || got.Replays != 0 {
		t.Errorf("after the death the letter is %+v", got)
	}
	if _, err := d.Replay(t.Context(), l.ID, deadletters.Terms{}, why()); err != nil {
		t.Error(err)
	}
	if got := d.show(l.ID); got.State != deadletter.Replayed || got.Replays != 1 || len(d.broker.sent) != 2 {
		t.Errorf("after another replay the letter is %+v, %d were sent", got, len(d.broker.sent))
	}
}

var errDied = errors.New("the process died")

// failing is a database that takes no writes.
type failing struct{ store.DB }

func (failing) Update(context.Context, func(store.Tx) error) error { return errDied }

// A letter may fail again before its replay is stored. It must not end as replayed.
func TestALetterThatFailsAgainAtOnceStaysNew(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(d *desk) {
		l := d.index(1)[0]
		d.broker.refuse = func(_ int, sent deadletter.Letter) error {
			again := sent
			again.ID, again.Failures, again.At.Offset, again.Message = d.ids(), sent.Replays+1, 2_000, "still none"
			return d.Index(d.t.Context(), []deadletter.Letter{again})
		}
		got, err := d.Replay(d.t.Context(), l.ID, deadletters.Terms{}, why())
		if err != nil || got.State != deadletter.New || got.Replays != 1 || got.Message != "still none" || len(got.Actions) != 1 {
			d.t.Errorf("the letter is %+v, %v", got, err)
		}
	})
}

func TestAllThatMatchIsReplayedInOrderAndTheRestStays(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(d *desk) {
		all := d.index(250)
		other := d.letter(999)
		other.Type = "order.placed"
		often := d.letter(500)
		often.Failures = 3
		if err := d.Index(d.t.Context(), []deadletter.Letter{other, often}); err != nil {
			d.t.Fatal(err)
		}
		e := d.run(deadletters.ReplayJob, replays(deadletter.Filter{Type: "order.paid"}))
		if e.Status != job.Completed || len(d.broker.sent) != len(all) || !slices.IsSorted(d.broker.offsets()) {
			d.t.Errorf("%+v: %d were sent, in the order %v", e, len(d.broker.sent), d.broker.offsets())
		}
		if got := d.states(); got[deadletter.New] != 2 || got[deadletter.Replayed] != 250 {
			d.t.Errorf("the states are %v", got)
		}
		if got := d.show(all[7].ID).Actions; len(got) != 1 || got[0].Run != e.Run || got[0].Actor != "mina" || got[0].Reason != "fixed in 1.2" {
			d.t.Errorf("the history is %+v", got)
		}
	})
}

// A job that dies is restarted by the same start, and sends what is left. What it has sent
// and what has failed again since is not sent by it a second time.
func TestAReplayOfManyGoesOnWhereItDied(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(d *desk) {
		all := d.index(250)
		d.broker.refuse = func(n int, _ deadletter.Letter) error {
			if n == 120 {
				return errDied
			}
			return nil
		}
		p := replays(deadletter.Filter{})
		if e := d.run(deadletters.ReplayJob, p); e.Status != job.Failed {
			d.t.Errorf("the first execution is %+v", e)
		}
		first := len(d.broker.sent)
		again := all[0]
		again.ID, again.Failures, again.At.Offset, again.DeadAt = d.ids(), 1, 2_000, time.Now().Add(time.Hour)
		again.ChangedAt = again.DeadAt
		if err := d.Index(d.t.Context(), []deadletter.Letter{again}); err != nil {
			d.t.Fatal(err)
		}
		d.broker.refuse = nil
		if e := d.run(deadletters.ReplayJob, p); e.Status != job.Completed {
			d.t.Errorf("the second execution is %+v", e)
		}
		if got := d.states(); first < 120 || len(d.broker.sent) != 250 || got[deadletter.New] != 1 || got[deadletter.Replayed] != 249 {
			d.t.Errorf("%d were sent, and then %d; the states are %v", first, len(d.broker.sent)-first, got)
		}
	})
}

func TestAReplayWaitsForKafka(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t, sqlstore.Options{}))
	d.index(5)
	refused := 0
	d.broker.refuse = func(n int, _ deadletter.Letter) error {
		refused++
		if n == 2 && refused < 5 {
			return fault.New(fault.Unavailable, "AWAY", "kafka is away")
		}
		return nil
	}
	if e := d.run(deadletters.ReplayJob, replays(deadletter.Filter{})); e.Status != job.Completed || d.states()[deadletter.Replayed] != 5 {
		t.Errorf("%+v, %v", e, d.states())
	}
}

func TestADiscardSaysWhoAndWhyAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(d *desk) {
		all := d.index(150)
		if _, err := d.Replay(d.t.Context(), all[3].ID, deadletters.Terms{}, why()); err != nil {
			d.t.Fatal(err)
		}
		got, err := d.Discard(d.t.Context(), all[5].ID, deadletters.Order{Actor: "jun", Reason: " card 4111-1111-1111-1111 "})
		if err != nil || got.State != deadletter.Discarded || got.Actor != "jun" || got.Reason == "" || got.Reason == "card 4111-1111-1111-1111" {
			d.t.Errorf("%+v, %v", got, err)
		}
		for _, letter := range []id.ID{all[3].ID, all[5].ID} {
			if _, err := d.Discard(d.t.Context(), letter, why()); !errors.Is(err, deadletter.ErrNotNew) {
				d.t.Errorf("a letter that is not new was discarded: %v", err)
			}
		}
		if _, err := d.Discard(d.t.Context(), d.ids(), why()); !errors.Is(err, deadletter.ErrNotFound) {
			d.t.Errorf("an unknown letter: %v", err)
		}
		e := d.run(deadletters.DiscardJob, deadletters.Parameters(deadletter.Filter{Group: event.RankingGroup}, why(), deadletters.Terms{}, 0))
		if got := d.states(); e.Status != job.Completed || got[deadletter.Discarded] != 149 || got[deadletter.Replayed] != 1 {
			d.t.Errorf("%+v: the states are %v", e, got)
		}
	})
}

func TestNobodyActsWithoutAReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t, sqlstore.Options{}))
	l := d.index(1)[0]
	for _, o := range []deadletters.Order{{Actor: "mina", Reason: "  "}, {Reason: "r"}} {
		if _, err := d.Discard(t.Context(), l.ID, o); !errors.Is(err, fault.ErrValidation) {
			t.Errorf("%+v: %v", o, err)
		}
		if _, err := d.Replay(t.Context(), l.ID, deadletters.Terms{}, o); !errors.Is(err, fault.ErrValidation) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if len(d.broker.sent) != 0 {
		t.Error("it was sent all the same")
	}
}

func TestADryRunSaysWhatTheGroupWouldDoAndChangesNothing(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(d *desk) {
		all := d.index(130)
		often, old, foreign := d.letter(800), d.letter(801), d.letter(802)
		often.Failures, foreign.Group = 3, "reporting"
		old.EventID = id.Floor(time.Now().Add(-deadletter.ReplayWithin - time.Hour))
		d.broker.unreadable = all[1].ID
		err := errors.Join(d.Index(d.t.Context(), []deadletter.Letter{often, old, foreign}), d.db.Update(d.t.Context(), func(tx store.Tx) error {
			tx.Handled.MarkNew(event.RankingGroup, []id.ID{all[0].EventID, all[129].EventID}, time.Now())
			tx.Handled.MarkNew(event.AuditGroup, []id.ID{all[2].EventID}, time.Now())
			return nil
		}))
		if err != nil {
			d.t.Fatal(err)
		}
		trial, err := d.Try(d.t.Context(), deadletter.Filter{}, deadletters.Terms{MaxReplays: 3}, 3)
		want := map[deadletters.Verdict]int64{
			deadletters.WouldCount: 127, deadletters.Counted: 2, deadletters.Unreadable: 1, deadletters.TooOften: 1, deadletters.TooOld: 1, deadletters.Impossible: 1,
		}
		if err != nil || trial.Letters != 133 || trial.Goes != 130 || fmt.Sprint(trial.Counts) != fmt.Sprint(want) {
			d.t.Errorf("%+v, %v", trial, err)
		}
		var verdicts []deadletters.Verdict
		for _, l := range trial.Sample {
			verdicts = append(verdicts, l.Verdict)
		}
		if !slices.Equal(verdicts, []deadletters.Verdict{deadletters.Counted, deadletters.Unreadable, deadletters.WouldCount}) {
			d.t.Errorf("the sample is %v", verdicts)
		}
		if len(d.broker.sent) != 0 || d.states()[deadletter.New] != 133 {
			d.t.Errorf("%d were sent, the states are %v", len(d.broker.sent), d.states())
		}
		for letter, verdict := range map[id.ID]deadletters.Verdict{all[0].ID: deadletters.Counted, all[2].ID: deadletters.WouldCount, old.ID: deadletters.TooOld} {
			if got := d.show(letter).Forecast.Verdict; got != verdict {
				d.t.Errorf("%s: %s, want %s", letter, got, verdict)
			}
		}
		if _, err := d.Replay(d.t.Context(), old.ID, deadletters.Terms{}, why()); !errors.Is(err, deadletter.ErrNotReplayable) {
			d.t.Errorf("an old event was replayed: %v", err)
		}
		if _, err := d.Replay(d.t.Context(), old.ID, deadletters.Terms{Old: true}, why()); err != nil {
			d.t.Errorf("an old event on request: %v", err)
		}
	})
}

func TestLettersAreListedPageByPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t, sqlstore.Options{}))
	d.index(5)
	var sizes []int
	for cursor := ""; ; {
		p, err := d.List(t.Context(), deadletter.Filter{State: deadletter.New}, 2, cursor)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(p.Items))
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(sizes, []int{2, 2, 1}) {
		t.Errorf("the pages have %v letters", sizes)
	}
	if _, err := d.List(t.Context(), deadletter.Filter{}, 2, "x"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a bad cursor: %v", err)
	}
}

func TestParametersSayWhatTheySelect(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t, sqlstore.Options{}))
	for what, p := range map[string]job.Parameters{
		"no reason":      {"actor": "mina"},
		"no name":        {"reason": "r"},
		"no state":       {"actor": "mina", "reason": "r", "state": "OLD"},
		"no event":       {"actor": "mina", "reason": "r", "state": "NEW", "event": "x"},
		"no time":        {"actor": "mina", "reason": "r", "state": "NEW", "since": "yesterday"},
		"no rate":        {"actor": "mina", "reason": "r", "state": "NEW", "rate": "0"},
		"a rate too big": {"actor": "mina", "reason": "r", "state": "NEW", "rate": "10001"},
		"no replays":     {"actor": "mina", "reason": "r", "state": "NEW", "max-replays": "-1"},
	} {
		for _, j := range d.Jobs() {
			if _, err := j.Plan(p); !errors.Is(err, batch.ErrParameters) {
				t.Errorf("%s: %s was planned: %v", what, j.Name, err)
			}
		}
	}
}

// meter keeps what it is shown.
type meter chan []deadletter.Summary

func (m meter) Show(all []deadletter.Summary, _ time.Time) { m <- all }

func TestTheIndexIsShownNowAndThen(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t, sqlstore.Options{}))
	d.index(3)
	ctx, stop := context.WithCancel(t.Context())
	m, ended := make(meter), make(chan error, 1)
	go func() { ended <- d.Watch(ctx, m) }()
	if got := <-m; len(got) != 1 || got[0].Letters != 3 {
		t.Errorf("shown is %+v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
