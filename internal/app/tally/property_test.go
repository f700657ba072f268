package tally_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

var errCrash = errors.New("crash")

// crashes is a database and a board that fail at drawn steps. At most so many
// times, so that the end is reached.
type crashes struct {
	tally.ScoreWriter
	r    *rapid.T
	left int
}

func (c *crashes) step(name string) error {
	if c.left > 0 && rapid.IntRange(0, 7).Draw(c.r, name) == 0 {
		c.left--
		return errCrash
	}
	return nil
}

// Set fails before it writes, or after.
func (c *crashes) Set(ctx context.Context, day clock.Day, generation int64, scores []ranking.Score) error {
	if err := c.step("before the board"); err != nil {
		return err
	}
	if err := c.ScoreWriter.Set(ctx, day, generation, scores); err != nil {
		return err
	}
	return c.step("after the board")
}

// history draws events of a few products over ten days.
func history(r *rapid.T) []event.Opened {
	n := rapid.IntRange(1, 25).Draw(r, "events")
	var events []event.Opened
	for range n {
		when := noon.AddDate(0, 0, -rapid.IntRange(0, 9).Draw(r, "days ago"))
		pid := rapid.Int64Range(1, 3).Draw(r, "product")
		line := event.Line{ProductID: pid, Quantity: rapid.Int64Range(1, 9).Draw(r, "quantity"), UnitPrice: rapid.Int64Range(0, 5000).Draw(r, "price")}
		switch rapid.IntRange(0, 4).Draw(r, "kind") {
		case 0:
			events = append(events, happened(when, viewed(pid)))
		case 1:
			events = append(events, happened(when, liked(pid)))
		case 2:
			events = append(events, happened(when, unliked(pid)))
		case 3:
			events = append(events, happened(when, paid(when, line, event.Line{ProductID: pid + 1, Quantity: 1, UnitPrice: 10})))
		default:
			events = append(events, happened(when, paid(when, line)), happened(noon, cancelled(&when, line)))
		}
	}
	return events
}

// recount is the counters of events that each happened once.
func recount(events []event.Opened) (rows map[[2]int64]metric.Counters, likes map[int64]int64) {
	rows, likes = map[[2]int64]metric.Counters{}, map[int64]int64{}
	count := func(c metric.Counters) {
		at := [2]int64{c.ProductID, int64(c.Day)}
		if rows[at] = c.Plus(rows[at]); rows[at] == (metric.Counters{ProductID: c.ProductID, Day: c.Day}) {
			delete(rows, at)
		}
		if likes[c.ProductID] += c.Likes; likes[c.ProductID] == 0 {
			delete(likes, c.ProductID)
		}
	}
	for _, o := range events {
		day := clock.DayOf(o.Time)
		switch e := o.Event.(type) {
		case event.ProductViewed:
			count(metric.Counters{ProductID: e.ProductID, Day: day, Views: 1})
		case event.ProductLiked:
			count(metric.Counters{ProductID: e.ProductID, Day: day, Likes: 1})
		case event.ProductUnliked:
			count(metric.Counters{ProductID: e.ProductID, Day: day, Likes: -1})
		case event.OrderPaid:
			for _, l := range e.Lines {
				count(sale(l, day))
			}
		case event.OrderCancelled:
			for _, l := range e.Lines {
				count(sale(l, clock.DayOf(*e.PaidAt)).Minus())
			}
		}
	}
	return rows, likes
}

// sale is written out, so as not to take the product's word for it.
func sale(l event.Line, day clock.Day) metric.Counters {
	amount := l.Quantity * l.UnitPrice
	return metric.Counters{
		ProductID: l.ProductID, Day: day, Orders: 1, Quantity: l.Quantity,
		Amount: money.Won(amount), AmountLog: int64(math.Round(1000 * math.Log1p(float64(amount)))),
	}
}

// In any order, with any repeats, in batches of any size, with a crash at any
// step: in the end everything has counted once, and the board shows it.
func TestEverythingCountsOnceWhateverHappens(t *testing.T) {
	t.Parallel()
	server := redistest.Embedded(t, at(noon))
	rapid.Check(t, func(r *rapid.T) {
		server.Server.FlushAll()
		board := redistest.Board{Board: redis.NewBoard(redis.NewCaller(server.Client, time.Minute, at(noon), discard()), "")}
		c := &crashes{ScoreWriter: board, r: r, left: 12}
		db := &tallytest.DB{Fail: c.step}
		tl := tally.New(db, c, at(noon), discard())

		events := history(r)
		sent := slices.Concat(events, rapid.SliceOfN(rapid.SampledFrom(events), 0, 10).Draw(r, "repeats"))
		sent = rapid.Permutation(sent).Draw(r, "order")
		deliver(r, tl, sent)

		c.left = 0
		rows, likes := recount(events)
		got := map[[2]int64]metric.Counters{}
		for _, row := range counted(t, db) {
			got[[2]int64{row.ProductID, int64(row.Day)}] = row
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			r.Errorf("counters: %s", diff)
		}
		if diff := cmp.Diff(likes, db.Likes()); diff != "" {
			r.Errorf("likes: %s", diff)
		}
		agree(r, db, board, clock.DayOf(noon))
	})
}

// deliver hands the events over in drawn batches, each again until it is taken;
// at times a consumer dies and the next begins a batch further back.
func deliver(r *rapid.T, tl *tally.Tally, events []event.Opened) {
	for from := 0; from < len(events); {
		to := min(len(events), from+rapid.IntRange(1, 10).Draw(r, "batch"))
		err := tl.Handle(r.Context(), events[from:to])
		if err != nil && !errors.Is(err, errCrash) {
			r.Fatalf("handle: %v", err)
		}
		if err == nil {
			from = to
		} else {
			from = max(0, from-rapid.IntRange(0, 3).Draw(r, "back"))
		}
	}
}

func TestACancelThatComesBeforeItsPaymentEvensOut(t *testing.T) {
	t.Parallel()
	yesterday := noon.Add(-24 * time.Hour)
	line := event.Line{ProductID: 1, Quantity: 2, UnitPrice: 900}
	db, board := handle(t, noon, happened(noon, cancelled(&yesterday, line)), happened(yesterday, paid(yesterday, line)))
	if rows := counted(t, db); len(rows) > 0 {
		t.Errorf("counted %v", rows)
	}
	agree(t, db, board, clock.DayOf(noon))
}
