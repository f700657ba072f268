package ranking_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

const day clock.Day = 20260310

// rows draws counters of one product on some of the days around a window.
func rows(t *rapid.T) []metric.Counters {
	var all []metric.Counters
	for _, d := range day.Add(-ranking.Window - 2).Until(day.Add(1)) {
		if rapid.Bool().Draw(t, d.String()) {
			all = append(all, metric.Counters{
				ProductID: 7, Day: d, Views: rapid.Int64Range(0, 1_000_000).Draw(t, "views"),
				Likes:     rapid.Int64Range(-100_000, 100_000).Draw(t, "likes"),
				AmountLog: rapid.Int64Range(0, 100_000_000).Draw(t, "log"),
				Version:   rapid.Int64Range(1, 1000).Draw(t, "version"),
			})
		}
	}
	return rapid.Permutation(all).Draw(t, "order")
}

func TestOwnScore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		counters metric.Counters
		want     int64 // micro points
	}{
		"nothing":          {metric.Counters{}, 0},
		"a view":           {metric.Counters{Views: 1}, 100_000},
		"a like":           {metric.Counters{Likes: 1}, 200_000},
		"an unlike":        {metric.Counters{Likes: -1}, -200_000},
		"an order":         {metric.Counters{AmountLog: metric.LogAmount(10_000)}, 700 * 9210},
		"all of them":      {metric.Counters{Views: 3, Likes: 2, AmountLog: 1000}, 300_000 + 400_000 + 700_000},
		"what has no part": {metric.Counters{Orders: 9, Quantity: 9, Amount: 9}, 0},
	} {
		if got := ranking.DefaultWeights().Own(c.counters); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestALiveScoreCarriesOverATenthOfTheDayBefore(t *testing.T) {
	t.Parallel()
	w := ranking.NewSchedule()
	for name, c := range map[string]struct {
		rows []metric.Counters
		want ranking.Score
	}{
		"today alone":      {[]metric.Counters{{ProductID: 7, Day: day, Views: 1, Version: 4}}, ranking.Score{ProductID: 7, Own: 100_000, Live: 100_000, Version: 4}},
		"yesterday":        {[]metric.Counters{{ProductID: 7, Day: day.Add(-1), Views: 1, Version: 4}}, ranking.Score{ProductID: 7, Live: 10_000, Version: 4}},
		"the first day in": {[]metric.Counters{{ProductID: 7, Day: day.Add(-7), Views: 1000, Version: 1}}, ranking.Score{ProductID: 7, Live: 10, Version: 1}},
		"the last day out": {[]metric.Counters{{ProductID: 7, Day: day.Add(-8), Views: 1_000_000, Version: 1}}, ranking.Score{}},
		"tomorrow":         {[]metric.Counters{{ProductID: 7, Day: day.Add(1), Views: 1, Version: 1}}, ranking.Score{}},
		"a like that yesterday lost": {
			[]metric.Counters{{ProductID: 7, Day: day, Likes: 1, Version: 2}, {ProductID: 7, Day: day.Add(-1), Likes: -1, Version: 3}},
			ranking.Score{ProductID: 7, Own: 200_000, Live: 180_000, Version: 5},
		},
		"a debt is carried too, and truncated toward zero": {
			[]metric.Counters{{ProductID: 7, Day: day.Add(-6), Likes: -1, Version: 1}},
			ranking.Score{ProductID: 7, Live: 0, Version: 1},
		},
	} {
		if got := w.Score(day, c.rows); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// The rule of docs/guarantees.md as a recursion: a live score is the own score and a
// tenth of the live score of the day before.
func TestALiveScoreIsItsOwnAndATenthOfTheLastInAnyOrderOfRows(t *testing.T) {
	t.Parallel()
	w := ranking.NewSchedule()
	rapid.Check(t, func(t *rapid.T) {
		all := rows(t)
		byDay := map[clock.Day]metric.Counters{}
		for _, c := range all {
			byDay[c.Day] = c
		}
		var live func(d clock.Day, left int) int64
		live = func(d clock.Day, left int) int64 {
			if left < 0 {
				return 0
			}
			return ranking.DefaultWeights().Own(byDay[d]) + live(d.Add(-1), left-1)/10
		}
		s := w.Score(day, all)
		if want := live(day, ranking.Window); s.Live != want || s.Own != ranking.DefaultWeights().Own(byDay[day]) {
			t.Errorf("%+v, want live %d", s, want)
		}
	})
}

func TestAChangeInTheWindowMakesANewerVersionAndOneOutsideNone(t *testing.T) {
	t.Parallel()
	w := ranking.NewSchedule()
	rapid.Check(t, func(t *rapid.T) {
		all := rows(t)
		before := w.Score(day, all)
		for i, c := range all {
			after := append([]metric.Counters(nil), all...)
			after[i].Version++
			within := c.Day >= day.Add(-ranking.Window) && c.Day <= day
			if got := w.Score(day, after).Version; (got > before.Version) != within {
				t.Errorf("the version went from %d to %d with a change on %s", before.Version, got, c.Day)
			}
		}
	})
}

func TestOnlyAPositiveScoreHasAPlace(t *testing.T) {
	t.Parallel()
	for live, want := range map[int64]bool{-1: false, 0: false, 1: true} {
		if got := (ranking.Score{Live: live}).Ranked(); got != want {
			t.Errorf("a live score of %d has a place: %v", live, got)
		}
	}
}

func TestPointsAreExactDecimals(t *testing.T) {
	t.Parallel()
	for p, want := range map[ranking.Points]string{
		0: "0", 1: "0.000001", 10: "0.00001", 100_000: "0.1", 1_000_000: "1", 1_200_000: "1.2",
		10_000_000: "10", 123_456_789: "123.456789", -1: "-0.000001", -1_500_000: "-1.5",
		math.MaxInt64: "9223372036854.775807", math.MinInt64: "-9223372036854.775808",
	} {
		if got := p.String(); got != want {
			t.Errorf("%d micro points are %q, want %q", int64(p), got, want)
		}
	}
}

func TestPointsLoseNothingInJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := ranking.Points(rapid.Int64().Draw(t, "points"))
		raw, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		read, ok := new(big.Rat).SetString(string(raw))
		if !ok || read.Mul(read, big.NewRat(1_000_000, 1)).Cmp(new(big.Rat).SetInt64(int64(p))) != 0 {
			t.Errorf("%d became %s", int64(p), raw)
		}
		if s := string(raw); strings.Contains(s, ".") && strings.HasSuffix(s, "0") {
			t.Errorf("%s has zeros at its end", s)
		}
	})
}

func TestBoardsAreKeptAsLongAsTheirDayIsPartOfALiveScore(t *testing.T) {
	t.Parallel()
	noon := day.Start().Add(12 * time.Hour)
	days := ranking.OnBoard(noon)
	if len(days) != ranking.Kept || days[0] != day.Add(-ranking.Window) || days[len(days)-1] != day {
		t.Errorf("at noon there are boards of %v", days)
	}
	if e := ranking.Expiry(day); !e.Equal(day.Add(8).Start()) {
		t.Errorf("the board expires at %v", e)
	}
	for _, d := range days {
		if !noon.Before(ranking.Expiry(d)) {
			t.Errorf("the board of %s has expired", d)
		}
	}
	if noon.Before(ranking.Expiry(days[0].Add(-1))) {
		t.Error("a board that has expired is kept")
	}
}

func TestTomorrowHasABoardOnItsEve(t *testing.T) {
	t.Parallel()
	midnight := day.Add(1).Start()
	for before, want := range map[time.Duration]clock.Day{
		ranking.Eve + 1: day, ranking.Eve: day.Add(1), 1: day.Add(1), 0: day.Add(1),
	} {
		days := ranking.OnBoard(midnight.Add(-before))
		if got := days[len(days)-1]; got != want {
			t.Errorf("%v before midnight the last board is of %s", before, got)
		}
	}
}
