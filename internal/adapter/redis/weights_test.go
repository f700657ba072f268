package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func TestScoresByOlderWeightsThanTheBoardsAreRefused(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		write := func(generation, live int64) error {
			return b.Set(t.Context(), today(), generation, []ranking.Score{{ProductID: 1, Own: live, Live: live, Version: 5}})
		}
		if err := write(0, 1); err != nil {
			t.Errorf("a board that was never built refuses %v", err)
		}
		token, err := b.Begin(t.Context(), today(), "builder", 2)
		if err != nil {
			t.Fatal(err)
		}
		for generation, want := range map[int64]error{0: ranking.ErrWeightsChanged, 1: ranking.ErrWeightsChanged, 2: nil, 3: nil} {
			if err := write(generation, generation+10); !errors.Is(err, want) {
				t.Errorf("scores of generation %d: %v, want %v", generation, err, want)
			}
		}
		if err := write(2, 12); err != nil {
			t.Error(err)
		}
		if err := b.Finish(t.Context(), today(), token, stamp, unwatched); err != nil {
			t.Fatal(err)
		}
		if err := write(1, 99); !errors.Is(err, ranking.ErrWeightsChanged) {
			t.Errorf("scores of generation 1 after the build: %v", err)
		}
		if own, live := dump(t, b, today()); own[1] != 12 || live[1] != 12 || len(own) != 1 {
			t.Errorf("own %v, live %v", own, live)
		}
	})
}

// A database that was restored from a backup has earlier weights.
func TestABuildMayGoBackToEarlierWeights(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		for _, generation := range []int64{7, 3} {
			if _, err := b.Begin(t.Context(), today(), "builder", generation); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Set(t.Context(), today(), 3, []ranking.Score{{ProductID: 1, Own: 1, Live: 1, Version: 1}}); err != nil {
			t.Error(err)
		}
	})
}

// The weights change again and again while two tallies count and a reconciler keeps the
// boards: in the end the boards are what the newest weights give.
func TestBoardsFollowTheWeightsBesideLiveWriters(t *testing.T) {
	t.Parallel()
	t.Run("SQLite and the embedded server", func(t *testing.T) {
		t.Parallel()
		follow(t, storetest.SQLite(t, sqlstore.Options{}), redistest.Embedded(t, time.Now))
	})
	t.Run("PostgreSQL and Redis", func(t *testing.T) {
		t.Parallel()
		follow(t, storetest.Postgres(t, sqlstore.Options{}), redistest.Real(t, time.Now))
	})
}

func follow(t *testing.T, db store.DB, b redistest.Board) {
	t.Helper()
	ids := id.NewSource(time.Now, rand.Reader)
	builder := leaderboard.NewBuilder(db, b, time.Now, "reconciler."+ids().String(), discard())
	ctx, cancel := context.WithCancel(t.Context())
	var reconciler, tallies sync.WaitGroup
	reconciler.Go(func() { _ = leaderboard.NewReconciler(db, b, builder, time.Now, discard()).Run(ctx) })
	defer reconciler.Wait()
	defer cancel()
	events := history(ids, 600)
	for n := range 2 {
		tl := tally.New(db, b, time.Now, discard())
		tallies.Go(func() {
			for batch := range slices.Chunk(events[n*200:400+n*200], 10) {
				err := tl.Handle(t.Context(), batch)
				for n := 0; n < 100 && errors.Is(err, ranking.ErrWeightsChanged); n++ { // as a consumer does
					err = tl.Handle(t.Context(), batch)
				}
				if err != nil {
					t.Errorf("handle: %v", err)
				}
			}
		})
	}
	for n := range int64(4) {
		changeWeights(t, db, time.Now().AddDate(0, 0, int(n)-3), ranking.Weights{View: 100 * (4 - n), Like: 300, Order: 10 * n, Carry: 300})
		awaitStamps(t, db, b)
	}
	tallies.Wait()
	report, err := leaderboard.NewVerifier(db, b, time.Now, discard()).Verify(t.Context(), ranking.OnBoard(time.Now()), nil)
	if err != nil || len(report.Differences) > 0 || report.Compared < 100 {
		t.Errorf("compared %d, %v: %+v", report.Compared, err, report.Differences)
	}
}

func changeWeights(t *testing.T, db store.DB, at time.Time, w ranking.Weights) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.Weights.Add(t.Context(), ranking.WeightsChange{Weights: w, At: at, Actor: "mina", Reason: "why not"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitStamps waits until all boards are complete, by the weights in the database.
func awaitStamps(t *testing.T, db store.DB, b redistest.Board) {
	t.Helper()
	stamps := map[clock.Day]string{}
	err := db.View(t.Context(), func(tx store.Tx) error {
		schedule, err := ranking.ReadSchedule(t.Context(), tx.Weights)
		for _, day := range ranking.OnBoard(time.Now()) {
			stamps[day] = schedule.Stamp(day)
		}
		return err
	})
	for tick := time.NewTicker(20 * time.Millisecond); err == nil; {
		var reasons map[clock.Day]string
		if reasons, err = b.Incomplete(t.Context(), "reconciler.test", stamps); err == nil && len(reasons) == 0 {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			err = t.Context().Err()
		}
	}
	t.Fatal(err)
}
