package tally_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/tallytest"
)

// change adds a change of weights.
func change(t failer, db store.DB, at time.Time, w ranking.Weights) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.Weights.Add(t.Context(), ranking.WeightsChange{Weights: w, At: at, Actor: "mina", Reason: "why not"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rebuild(t failer, db store.DB, board redistest.Board, now clock.Clock) {
	t.Helper()
	b := leaderboard.NewBuilder(db, board, now, "reconciler.test", discard())
	if err := b.Rebuild(t.Context(), ranking.OnBoard(now()), nil); err != nil {
		t.Fatal(err)
	}
}

// A tally that has read the old weights meets a board that is made with the new ones.
func TestScoresByOldWeightsAreComputedAgain(t *testing.T) {
	t.Parallel()
	db, board := new(tallytest.DB), redistest.Embedded(t, at(noon))
	tl := tally.New(db, board, at(noon), discard()) // its clock stands still: what it has read stays fresh
	count := func() {
		t.Helper()
		if err := tl.Handle(t.Context(), []event.Opened{happened(noon, viewed(1))}); err != nil {
			t.Fatal(err)
		}
	}
	count()
	change(t, db, noon, ranking.Weights{View: 1000})
	rebuild(t, db, board, at(noon))
	count()
	agree(t, db, board, clock.DayOf(noon))
}

// The weights are read again after a second, if no board says that they have changed.
func TestWeightsAreReadAgainAfterASecond(t *testing.T) {
	t.Parallel()
	db, board, now := new(tallytest.DB), redistest.Embedded(t, at(noon)), noon
	tl := tally.New(db, board, func() time.Time { return now }, discard())
	for step, want := range []int64{100_000, 200_000, 3_000_000} {
		now = noon.Add(time.Duration(step) * 600 * time.Millisecond)
		if err := tl.Handle(t.Context(), []event.Opened{happened(noon, viewed(1))}); err != nil {
			t.Fatal(err)
		}
		_, live, err := board.Dump(t.Context(), clock.DayOf(noon))
		if err != nil || live[1] != want {
			t.Errorf("after %v the score is %v, %v, want %d", now.Sub(noon), live, err, want)
		}
		if step == 0 {
			change(t, db, noon, ranking.Weights{View: 1000})
		}
	}
}

// newer is a board that is always made with newer weights.
type newer struct{ writes int }

func (n *newer) Set(context.Context, clock.Day, int64, []ranking.Score) error {
	n.writes++
	return fmt.Errorf("write: %w", ranking.ErrWeightsChanged)
}

func TestATallyWhoseWeightsAreAlwaysTooOldFails(t *testing.T) {
	t.Parallel()
	board := new(newer)
	err := tally.New(new(tallytest.DB), board, at(noon), discard()).Handle(t.Context(), []event.Opened{happened(noon, viewed(1))})
	if !errors.Is(err, ranking.ErrWeightsChanged) || board.writes != 3 {
		t.Errorf("after %d writes the error is %v", board.writes, err)
	}
}

// batch is a batch that a tally handles. It stops before each write to the board.
type batch struct {
	write   chan struct{} // lets it write
	stopped chan bool     // true: it waits before a write; false: it has ended
	err     error
}

type batchKey struct{}

// gate stops the batch of the context before it writes.
type gate struct{ tally.ScoreWriter }

func (g gate) Set(ctx context.Context, day clock.Day, generation int64, scores []ranking.Score) error {
	if b, ok := ctx.Value(batchKey{}).(*batch); ok {
		b.stopped <- true
		<-b.write
	}
	return g.ScoreWriter.Set(ctx, day, generation, scores)
}

// handle handles events as a consumer does: again, if it fails because the weights have
// changed once more each time.
func (b *batch) handle(ctx context.Context, tl *tally.Tally, events []event.Opened) {
	ctx = context.WithValue(ctx, batchKey{}, b)
	for range 100 {
		if b.err = tl.Handle(ctx, events); !errors.Is(b.err, ranking.ErrWeightsChanged) {
			break
		}
	}
	b.stopped <- false
}

// world is a shop in which everything happens in an order that is drawn.
type world struct {
	*rapid.T
	db      *tallytest.DB
	board   redistest.Board
	tallies []*tally.Tally
	waiting []*batch
}

// count lets a tally count an event, up to its first write to the board.
func (w *world) count() {
	tl := rapid.SampledFrom(w.tallies).Draw(w.T, "tally")
	when := noon.AddDate(0, 0, -rapid.IntRange(0, 2).Draw(w.T, "days ago"))
	events := []event.Opened{happened(when, viewed(rapid.Int64Range(1, 2).Draw(w.T, "product")))}
	b := &batch{write: make(chan struct{}), stopped: make(chan bool)}
	go b.handle(w.Context(), tl, events)
	<-b.stopped
	w.waiting = append(w.waiting, b)
}

// write lets one of the batches write the scores of a day, and go on to its next write.
func (w *world) write(i int) {
	b := w.waiting[i]
	b.write <- struct{}{}
	if <-b.stopped {
		return
	}
	w.waiting = slices.Delete(w.waiting, i, i+1)
	if b.err != nil {
		w.Fatalf("handle: %v", b.err)
	}
}

func (w *world) act() {
	switch rapid.IntRange(0, 9).Draw(w.T, "step") {
	case 0, 1:
		change(w.T, w.db, noon.AddDate(0, 0, -rapid.IntRange(0, 1).Draw(w.T, "changed days ago")), ranking.Weights{
			View: rapid.SampledFrom([]int64{100, 900}).Draw(w.T, "view"), Carry: rapid.SampledFrom([]int64{0, 500}).Draw(w.T, "carry"),
		})
	case 2, 3:
		w.reconcile()
	case 4, 5, 6:
		w.count()
	default:
		if len(w.waiting) > 0 {
			w.write(rapid.IntRange(0, len(w.waiting)-1).Draw(w.T, "batch"))
		}
	}
}

// reconcile does what the reconciler does each second.
func (w *world) reconcile() {
	builder := leaderboard.NewBuilder(w.db, w.board, at(noon), "reconciler.test", discard())
	if err := leaderboard.NewReconciler(w.db, w.board, builder, at(noon), discard()).Reconcile(w.Context()); err != nil {
		w.Fatalf("reconcile: %v", err)
	}
}

// Tallies write scores by weights that they read before a change, after it and after the
// boards were made again, in any order. In the end the boards are what a recount gives.
func TestBoardsAreRightWhateverTheOrderOfWritesAndChangesOfWeights(t *testing.T) {
	t.Parallel()
	server, round := redistest.Embedded(t, at(noon)), 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		prefix := strconv.Itoa(round) + ":"
		w := &world{ // its clock stands still: what a tally has read once stays fresh
			T: r, db: &tallytest.DB{Clock: at(noon)},
			board: redistest.Board{Board: redis.NewBoard(redis.NewCaller(server.Client, time.Minute, at(noon), discard()), prefix), Client: server.Client, Prefix: prefix},
		}
		for range 2 {
			w.tallies = append(w.tallies, tally.New(w.db, gate{w.board}, at(noon), discard()))
		}
		for range rapid.IntRange(5, 40).Draw(r, "steps") {
			w.act()
		}
		for len(w.waiting) > 0 {
			w.write(0)
		}
		w.reconcile()
		agree(r, w.db, w.board, clock.DayOf(noon))
	})
}

// The same beside writers that nothing holds up.
func TestBoardsFollowTheWeightsBesideLiveWriters(t *testing.T) {
	t.Parallel()
	db, board := new(tallytest.DB), redistest.Embedded(t, at(noon))
	var writers sync.WaitGroup
	for range 3 {
		tl := tally.New(db, board, at(noon), discard())
		writers.Go(func() {
			for i := range int64(60) {
				events := []event.Opened{happened(noon, viewed(1+i%7))}
				err := tl.Handle(t.Context(), events)
				for n := 0; n < 100 && errors.Is(err, ranking.ErrWeightsChanged); n++ { // as a consumer does
					err = tl.Handle(t.Context(), events)
				}
				if err != nil {
					t.Errorf("handle: %v", err)
				}
			}
		})
	}
	for n := range int64(10) {
		change(t, db, noon, ranking.Weights{View: 100 * (n + 1)})
		rebuild(t, db, board, at(noon))
	}
	writers.Wait()
	agree(t, db, board, clock.DayOf(noon))
}
