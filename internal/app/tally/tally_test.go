package tally_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

// noon is the time in most tests: no midnight is near.
var noon = clock.Day(20260310).Start().Add(12 * time.Hour)

func at(t time.Time) clock.Clock { return func() time.Time { return t } }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// happened puts an event into an envelope with an id of its own.
func happened(when time.Time, e event.Event) event.Opened {
	var v id.ID
	for i := range v {
		v[i] = byte(rand.Uint32())
	}
	return event.Opened{Envelope: event.Envelope{ID: v, Type: e.Type(), Time: when}, Event: e}
}

func viewed(pid int64) event.Event  { return event.NewProductViewed(pid, nil) }
func liked(pid int64) event.Event   { return event.NewProductLiked(pid, id.ID{1}) }
func unliked(pid int64) event.Event { return event.NewProductUnliked(pid, id.ID{1}) }

func paid(when time.Time, lines ...event.Line) event.Event {
	return event.OrderPaid{Order: event.Order{OrderID: id.ID{1}, Version: 2, Lines: lines}, PaidAt: when}
}

func cancelled(paidAt *time.Time, lines ...event.Line) event.Event {
	return event.OrderCancelled{Order: event.Order{OrderID: id.ID{1}, Version: 3, Lines: lines}, PaidAt: paidAt}
}

// counted returns every counter of the database, without versions.
func counted(t *testing.T, db store.DB) []metric.Counters {
	t.Helper()
	var rows []metric.Counters
	err := db.View(t.Context(), func(tx store.Tx) error {
		return tx.Metrics.All(t.Context(), 20000101, 21001231, func(c metric.Counters) error {
			c.Version = 0
			if c != (metric.Counters{ProductID: c.ProductID, Day: c.Day}) {
				rows = append(rows, c)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// handle counts the events, on a board of its own.
func handle(t *testing.T, now time.Time, batch ...event.Opened) (*tallytest.DB, redistest.Board) {
	t.Helper()
	db, board := new(tallytest.DB), redistest.Embedded(t, at(now))
	if err := tally.New(db, board, at(now), discard()).Handle(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	return db, board
}

func TestEachEventCountsWhatItSays(t *testing.T) {
	t.Parallel()
	yesterday := noon.AddDate(0, 0, -1)
	for name, c := range map[string]struct {
		events []event.Event
		want   []metric.Counters
		likes  map[int64]int64
	}{
		"a view": {[]event.Event{viewed(1)}, []metric.Counters{{ProductID: 1, Day: 20260310, Views: 1}}, nil},
		"a like": {[]event.Event{liked(1)}, []metric.Counters{{ProductID: 1, Day: 20260310, Likes: 1}}, map[int64]int64{1: 1}},
		"an unlike of an earlier like": {
			[]event.Event{unliked(1)},
			[]metric.Counters{{ProductID: 1, Day: 20260310, Likes: -1}}, map[int64]int64{1: -1},
		},
		"a like and its unlike": {[]event.Event{liked(1), unliked(1)}, nil, nil},
		"a paid order": {
			[]event.Event{paid(noon, event.Line{ProductID: 2, Quantity: 3, UnitPrice: 100}, event.Line{ProductID: 1, Quantity: 1, UnitPrice: 0})},
			[]metric.Counters{
				{ProductID: 1, Day: 20260310, Orders: 1, Quantity: 1},
				{ProductID: 2, Day: 20260310, Orders: 1, Quantity: 3, Amount: 300, AmountLog: 5707},
			}, nil,
		},
		"a cancelled order that was paid yesterday": {
			[]event.Event{cancelled(&yesterday, event.Line{ProductID: 2, Quantity: 3, UnitPrice: 100})},
			[]metric.Counters{{ProductID: 2, Day: 20260309, Orders: -1, Quantity: -3, Amount: -300, AmountLog: -5707}}, nil,
		},
		"a cancelled order that was never paid": {
			[]event.Event{cancelled(nil, event.Line{ProductID: 2, Quantity: 3, UnitPrice: 100})}, nil, nil,
		},
		"a placed order": {
			[]event.Event{event.OrderPlaced{Order: event.Order{Lines: []event.Line{{ProductID: 1, Quantity: 1, UnitPrice: 1}}}}}, nil, nil,
		},
		"a changed product": {[]event.Event{event.NewProductChanged(1, 1, "x", 1, "ON_SALE")}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var batch []event.Opened
			for _, e := range c.events {
				batch = append(batch, happened(noon, e))
			}
			db, _ := handle(t, noon, batch...)
			if diff := cmp.Diff(c.want, counted(t, db)); diff != "" {
				t.Error(diff)
			}
			if likes := db.Likes(); !maps.Equal(c.likes, likes) {
				t.Errorf("likes %v, want %v", likes, c.likes)
			}
		})
	}
}

func TestAnEventOfAnUnknownTypeIsSkipped(t *testing.T) {
	t.Parallel()
	unknown := event.Opened{Envelope: event.Envelope{ID: id.ID{9}, Type: "product.praised", Time: noon}}
	db, _ := handle(t, noon, unknown, happened(noon, viewed(1)))
	if rows := counted(t, db); len(rows) != 1 {
		t.Errorf("counted %v", rows)
	}
}

func TestARepeatedEventCountsOnce(t *testing.T) {
	t.Parallel()
	e := happened(noon, viewed(1))
	db, board := new(tallytest.DB), redistest.Embedded(t, at(noon))
	tl := tally.New(db, board, at(noon), discard())
	for range 2 {
		if err := tl.Handle(t.Context(), []event.Opened{e, e}); err != nil {
			t.Fatal(err)
		}
	}
	if rows := counted(t, db); rows[0].Views != 1 {
		t.Errorf("counted %d views", rows[0].Views)
	}
	if fresh, repeated := tl.Counted(); fresh != 1 || repeated != 3 {
		t.Errorf("%d fresh, %d repeated", fresh, repeated)
	}
}

func TestEventsCountOnTheDayInSeoulThatTheyHappened(t *testing.T) {
	t.Parallel()
	midnight := clock.Day(20260310).Start()
	db, _ := handle(t, noon, happened(midnight.Add(-time.Nanosecond).UTC(), viewed(1)), happened(midnight.UTC(), viewed(1)))
	want := []metric.Counters{{ProductID: 1, Day: 20260309, Views: 1}, {ProductID: 1, Day: 20260310, Views: 1}}
	if diff := cmp.Diff(want, counted(t, db)); diff != "" {
		t.Error(diff)
	}
}

func TestALateEventFlowsIntoTheDaysAfterIt(t *testing.T) {
	t.Parallel()
	_, board := handle(t, noon, happened(noon.AddDate(0, 0, -2), viewed(1)), happened(noon, viewed(2)))
	for day, want := range map[clock.Day]map[int64]int64{
		20260307: {}, 20260308: {1: 100_000}, 20260309: {1: 10_000}, 20260310: {1: 1_000, 2: 100_000}, 20260311: {},
	} {
		_, live, err := board.Dump(t.Context(), day)
		if err != nil || !maps.Equal(live, want) {
			t.Errorf("live of %s is %v, %v; want %v", day, live, err, want)
		}
	}
}

func TestAnEventOlderThanEveryBoardStillCounts(t *testing.T) {
	t.Parallel()
	db, board := handle(t, noon, happened(noon.AddDate(0, 0, -9), viewed(1)), happened(noon.AddDate(0, -3, 0), viewed(2)))
	if rows := counted(t, db); len(rows) != 2 {
		t.Errorf("counted %v", rows)
	}
	// Nine days ago flows into the oldest board, of seven days ago, and on for five days.
	for back, want := range map[int]map[int64]int64{8: {}, 7: {1: 1000}, 6: {1: 100}, 4: {1: 1}, 3: {}, 0: {}} {
		day := clock.DayOf(noon).Add(-back)
		_, live, err := board.Dump(t.Context(), day)
		if err != nil || !maps.Equal(live, want) {
			t.Errorf("live %d days ago is %v, %v; want %v", back, live, err, want)
		}
	}
}

func TestTomorrowIsWrittenOnItsEve(t *testing.T) {
	t.Parallel()
	for before, want := range map[time.Duration]int{
		11*time.Minute + time.Second: 0, 10 * time.Minute: 1, time.Second: 1,
		11 * time.Minute: 1, // the clock of the process that builds the board may be ahead
	} {
		now := clock.Day(20260311).Start().Add(-before)
		_, board := handle(t, now, happened(now, viewed(1)))
		_, live, err := board.Dump(t.Context(), 20260311)
		if err != nil || len(live) != want {
			t.Errorf("%v before midnight tomorrow's board is %v, %v", before, live, err)
		}
	}
}

func TestAnAmountThatCannotBeCountedIsUnreadable(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]event.Line{
		"a line":     {{ProductID: 1, Quantity: 1 << 40, UnitPrice: 1 << 40}},
		"the sum":    {{ProductID: 1, Quantity: 1, UnitPrice: int64(money.Max)}, {ProductID: 2, Quantity: 1, UnitPrice: 1}},
		"the pieces": {{ProductID: 1, Quantity: math.MaxInt64, UnitPrice: 0}},
	} {
		db := new(tallytest.DB)
		tl := tally.New(db, redistest.Embedded(t, at(noon)), at(noon), discard())
		paidAt := noon
		for _, e := range []event.Event{paid(paidAt, lines...), cancelled(&paidAt, lines...)} {
			err := tl.Handle(t.Context(), []event.Opened{happened(noon, viewed(1)), happened(noon, e)})
			if !errors.Is(err, event.ErrUnreadable) {
				t.Errorf("%s of %s: %v is not ErrUnreadable", name, e.Type(), err)
			}
		}
		if rows := counted(t, db); len(rows) > 0 {
			t.Errorf("%s: counted %v", name, rows)
		}
	}
}

func TestADayThatNobodyCanAskForIsUnreadable(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1899, 12, 31, 14, 59, 0, 0, time.UTC),
		time.Date(2999, 12, 31, 15, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 15, 0, 0, 0, time.UTC),
	} {
		line := event.Line{ProductID: 1, Quantity: 1, UnitPrice: 1}
		for _, o := range []event.Opened{happened(at, viewed(1)), happened(noon, paid(at, line)), happened(noon, cancelled(&at, line))} {
			tl := tally.New(new(tallytest.DB), redistest.Embedded(t, func() time.Time { return noon }), time.Now, discard())
			if err := tl.Handle(t.Context(), []event.Opened{o}); !errors.Is(err, event.ErrUnreadable) {
				t.Errorf("%s at %v: %v is not ErrUnreadable", o.Event.Type(), at, err)
			}
		}
	}
}

// broken is a board that fails while it is away.
type broken struct {
	tally.ScoreWriter
	away bool
}

var errAway = errors.New("away")

func (b *broken) Set(ctx context.Context, day clock.Day, generation int64, scores []ranking.Score) error {
	if b.away {
		return errAway
	}
	return b.ScoreWriter.Set(ctx, day, generation, scores)
}

func TestScoresThatWereNotWrittenAreWrittenWhenTheBatchIsRepeated(t *testing.T) {
	t.Parallel()
	db, shown := new(tallytest.DB), redistest.Embedded(t, at(noon))
	board := &broken{shown, true}
	tl := tally.New(db, board, at(noon), discard())
	batch := []event.Opened{happened(noon, viewed(1))}
	if err := tl.Handle(t.Context(), batch); !errors.Is(err, errAway) {
		t.Fatalf("the error is %v", err)
	}
	if rows := counted(t, db); len(rows) != 1 {
		t.Fatalf("counted %v: the counters do not wait for the board", rows)
	}
	board.away = false
	if err := tl.Handle(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	_, live, err := shown.Dump(t.Context(), clock.DayOf(noon))
	if err != nil || live[1] != 100_000 {
		t.Errorf("live %v, %v", live, err)
	}
}

func TestASaleCountsOnTheDayItWasPaidThoughItsEventIsOfTheNext(t *testing.T) {
	t.Parallel()
	midnight := clock.Day(20260310).Start()
	line := event.Line{ProductID: 1, Quantity: 1, UnitPrice: 100}
	db, _ := handle(t, midnight.Add(time.Hour),
		happened(midnight.Add(time.Millisecond), paid(midnight.Add(-time.Millisecond), line)))
	if got := counted(t, db); len(got) != 1 || got[0].Day != 20260309 {
		t.Errorf("counted %+v, want one sale on 20260309", got)
	}
}

// The days of the marks are those of the ids, not of the events. They are prepared once:
// today's with the next two, and those of the last four weeks.
func TestTheDaysOfMarksArePrepared(t *testing.T) {
	t.Parallel()
	today := clock.DayOf(noon)
	db := new(tallytest.DB)
	tl := tally.New(db, redistest.Embedded(t, at(noon)), at(noon), discard())
	made := func(day clock.Day) event.Opened {
		o := happened(noon, viewed(1))
		floor := id.Floor(day.Start())
		copy(o.ID[:9], floor[:9])
		return o
	}
	undated := happened(noon, viewed(1))
	undated.ID[6] = 0x40
	for _, batch := range [][]event.Opened{{undated}, {made(today), made(today.Add(-28)), made(today.Add(-29)), made(today)}, {made(today), made(today.Add(1))}, {made(today.Add(3))}} {
		if err := tl.Handle(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if want := []clock.Day{today, today.Add(1), today.Add(2), today.Add(-28)}; !slices.Equal(db.Prepared(), want) {
		t.Errorf("prepared %v, want %v", db.Prepared(), want)
	}
}
