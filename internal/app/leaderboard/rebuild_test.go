package leaderboard_test

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func TestABoardIsBuiltFromTheDatabase(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.count(1, map[int64]int64{1: 10, 2: 20})
	s.count(8, map[int64]int64{3: 1_000_000_000}) // flows into yesterday, no further
	s.setScore(s.today, 9, 1, 1, 7)               // of a product that the database does not have
	s.setScore(s.today, 1, 1, 1, 99)              // as a database that was set back once said
	s.rebuild(s.today, s.today.Add(-1))
	for daysAgo, want := range map[int]map[int64]int64{
		0: {1: 400_000, 2: 200_000}, 1: {1: 1_000_000, 2: 2_000_000, 3: 10_000_000},
	} {
		if live := s.live(s.today.Add(-daysAgo)); !maps.Equal(live, want) {
			s.Errorf("live %d days ago is %v, want %v", daysAgo, live, want)
		}
	}
}

func TestProgressIsReported(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	views := map[int64]int64{}
	for i := range int64(2500) {
		views[i+1] = i + 1
	}
	s.count(0, views)
	reported := map[clock.Day][]int64{}
	err := s.builder.Rebuild(t.Context(), []clock.Day{s.today, s.today.Add(-1)}, func(day clock.Day, written int64) {
		reported[day] = append(reported[day], written)
	})
	if err != nil {
		t.Fatal(err)
	}
	if told := len(reported[s.today]) - slices.Index(reported[s.today], 2500); told < 3 {
		t.Errorf("told %d times of the end: it looks at both kinds of scores, and ends", told)
	}
	if got := slices.Compact(reported[s.today]); !slices.Equal(got, []int64{0, 1000, 2000, 2500}) {
		t.Errorf("reported %v", reported)
	}
	if got := slices.Compact(reported[s.today.Add(-1)]); !slices.Equal(got, []int64{0}) {
		t.Errorf("reported %v of a day without products", got)
	}
}

func TestADayWhoseBoardHasExpiredIsNotBuilt(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(8, map[int64]int64{1: 1})
	s.rebuild(s.today.Add(-8))
	if keys := s.board.Server.Keys(); len(keys) > 0 {
		t.Errorf("there is %v", keys)
	}
}

func TestABuilderGivesWayToALaterOne(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 1})
	reads := 0
	s.db.Fail = func(string) error {
		reads++
		if reads == 3 { // after those of the weights and of the gaps
			s.db.Fail = nil
			s.rebuild(s.today) // another begins while this one reads
		}
		return nil
	}
	other := s.builder.Rebuild(t.Context(), []clock.Day{s.today}, nil)
	if !errors.Is(other, ranking.ErrSuperseded) {
		t.Errorf("the error is %v", other)
	}
	if top := s.top(s.today); len(top) != 1 {
		t.Errorf("read %v", top)
	}
}

// Boards are rebuilt again and again while events are counted: no score is lost,
// and none is replaced by an older one.
func TestBoardsMayBeRebuiltWhileOthersWrite(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	ids := newIDs()
	done := make(chan struct{})
	var writers sync.WaitGroup
	for range 2 {
		tl := tally.New(s.db, s.board, s.clock.now, discard())
		writers.Go(func() {
			for i := range int64(100) {
				e := event.Opened{Event: event.NewProductViewed(1+i%60, nil)}
				e.ID, e.Time = ids(), s.clock.now().AddDate(0, 0, -int(i%2))
				if err := tl.Handle(s.Context(), []event.Opened{e}); err != nil {
					s.Errorf("handle: %v", err)
				}
			}
		})
	}
	go func() {
		writers.Wait()
		close(done)
	}()
	for working := true; working; {
		select {
		case <-done:
			working = false
		default:
			s.rebuild(s.today.Add(-1), s.today)
		}
	}
	report, err := s.verifier.Verify(s.Context(), []clock.Day{s.today.Add(-1), s.today}, nil)
	// own and live of thirty products yesterday; thirty own and sixty live today
	if err != nil || len(report.Differences) > 0 || report.Compared != 30+30+30+60 {
		s.Errorf("%+v, %v", report, err)
	}
}
