package leaderboard_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

// kinds are what the names of the four keys of a day begin with: mark, versions, own, live.
var kinds = []string{"whole:", "ver:", "own:", ""}

func (s *env) key(kind string, day clock.Day) string {
	return s.board.Prefix + "ranking:{all}:" + kind + day.String()
}

// harms are what may become of the keys of a day, by name.
func harms() map[string]func(s *env, day clock.Day) error {
	all := make(map[string]func(s *env, day clock.Day) error)
	for subset := 1; subset < 1<<len(kinds); subset++ {
		var lost []string
		for i, kind := range kinds {
			if subset>>i&1 == 1 {
				lost = append(lost, kind)
			}
		}
		all[fmt.Sprintf("lost %q", lost)] = func(s *env, day clock.Day) error {
			var keys []string
			for _, kind := range lost {
				keys = append(keys, s.key(kind, day))
			}
			return s.board.Client.Del(s.Context(), keys...).Err()
		}
	}
	for _, kind := range kinds {
		all["another type at "+kind] = func(s *env, day clock.Day) error {
			s.board.Client.Del(s.Context(), s.key(kind, day))
			return s.board.Client.RPush(s.Context(), s.key(kind, day), "x").Err()
		}
	}
	maps.Copy(all, harmsOfMembers())
	return all
}

func harmsOfMembers() map[string]func(s *env, day clock.Day) error {
	const one = "0000000000000000001"
	return map[string]func(s *env, day clock.Day) error{
		"half of the places": func(s *env, day clock.Day) error {
			return s.board.Client.ZRemRangeByRank(s.Context(), s.key("", day), 0, 0).Err()
		},
		"half of the own scores": func(s *env, day clock.Day) error {
			return s.board.Client.ZRemRangeByRank(s.Context(), s.key("own:", day), 0, 0).Err()
		},
		"half of the versions": func(s *env, day clock.Day) error {
			return s.board.Client.HDel(s.Context(), s.key("ver:", day), one).Err()
		},
		"a place too many": func(s *env, day clock.Day) error {
			return s.board.Client.ZIncrBy(s.Context(), s.key("", day), 1, "7").Err()
		},
		"the totals": func(s *env, day clock.Day) error {
			return s.board.Client.HDel(s.Context(), s.key("ver:", day), "live").Err()
		},
		"another run of the server": func(s *env, day clock.Day) error {
			mark := s.board.Client.Get(s.Context(), s.key("whole:", day)).Val()
			f := strings.Fields(mark)
			f[1] = "another"
			return s.board.Client.Set(s.Context(), s.key("whole:", day), strings.Join(f, " "), time.Hour).Err()
		},
		"lost, and events counted": func(s *env, day clock.Day) error {
			s.board.Client.Del(s.Context(), s.key("ver:", day), s.key("own:", day), s.key("", day))
			s.setScore(day, 2, 7, 7, 1000)
			return nil
		},
		"places lost, and events counted": func(s *env, day clock.Day) error {
			s.board.Client.Del(s.Context(), s.key("", day))
			s.setScore(day, 2, 7, 7, 1000)
			return nil
		},
	}
}

// Whatever Redis has lost of a day, readers do not get what is left of it, and one look of
// the reconciler makes the day whole. The other days stay as they are.
func TestWhateverRedisLosesOfADayIsMadeAgain(t *testing.T) {
	t.Parallel()
	clk := noonToday()
	redistest.Each(t, clk.now, func(b redistest.Board) {
		s := open(b.T, clk, b)
		for ago := range 8 {
			s.count(ago, map[int64]int64{1: 3, 2: 5})
		}
		s.reconcile(s.reconciler)
		rebuilt := int64(8)
		for name, harm := range harms() {
			for _, ago := range []int{0, 1, 6} {
				day := s.today.Add(-ago)
				want := s.live(day)
				if err := harm(s, day); err != nil {
					s.Fatalf("%s: %v", name, err)
				}
				// After a restart readers use the board for as long as it takes to look.
				if _, complete, err := b.Top(s.Context(), day, 0, 9); (complete || err != nil) && name != "another run of the server" {
					s.Errorf("%s, %d days ago: readers use what is left, %v", name, ago, err)
				}
				s.reconcile(s.reconciler)
				rebuilt++
				s.demandRebuilt(s.reconciler, rebuilt)
				s.top(day)
				if !maps.Equal(s.live(day), want) {
					s.Errorf("%s, %d days ago: made again as %v, want %v", name, ago, s.live(day), want)
				}
			}
		}
		if report := verify(s, s.verifier, s.today.Add(-7).Until(s.today)...); len(report.Differences) > 0 {
			s.Errorf("differences: %+v", report.Differences)
		}
	})
}

// A build that loses a part of the board meanwhile does not end as a whole one.
func TestABoardThatIsHarmedWhileItIsBuiltIsNotWhole(t *testing.T) {
	t.Parallel()
	clk := noonToday()
	redistest.Each(t, clk.now, func(b redistest.Board) {
		s := open(b.T, clk, b)
		s.count(0, map[int64]int64{1: 3, 2: 5})
		for name, harm := range harms() {
			if strings.Contains(name, "run of the server") {
				continue // the mark has a token
			}
			harmed := false
			builder := s.builderOn(harmedBoard{s.board, func(day clock.Day) {
				if err := harm(s, day); err != nil {
					s.Fatal(err)
				}
				harmed = true
			}})
			err := builder.Rebuild(s.Context(), []clock.Day{s.today}, nil)
			_, complete, _ := b.Top(s.Context(), s.today, 0, 9)
			if err == nil || complete || !harmed {
				s.Errorf("%s: the build ends in %v, complete %t", name, err, complete)
			}
			s.rebuild(s.today)
			if len(s.top(s.today)) != 2 {
				s.Errorf("%s: not made again", name)
			}
		}
	})
}

// Readers do not use a board without its mark, so a right board without it is a difference.
func TestABoardThatReadersDoNotUseIsADifference(t *testing.T) {
	t.Parallel()
	s := embedded(t)
	s.count(0, map[int64]int64{1: 3})
	s.reconcile(s.reconciler)
	s.verifier.CheckMarks(s.board)
	if report := verify(s, s.verifier, s.today); len(report.Differences) > 0 {
		s.Errorf("a whole board: %+v", report.Differences)
	}
	s.board.Server.Del(s.key("whole:", s.today))
	report := verify(s, s.verifier, s.today.Add(-1), s.today)
	if len(report.Differences) != 1 || report.Differences[0].Day != s.today || !strings.HasPrefix(report.Differences[0].What, "mark") {
		s.Errorf("a board without its mark: %+v", report.Differences)
	}
}
