package ranking_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

func changed(id int64, at time.Time, w ranking.Weights) ranking.WeightsChange {
	return ranking.WeightsChange{ID: id, At: at, Weights: w, Actor: "mina", Reason: "why not"}
}

// schedules draws changes of weights about the day.
func schedules(t *rapid.T) ranking.Schedule {
	weight, at := rapid.Int64Range(0, ranking.MaxWeight), day.Add(-12).Start()
	var all []ranking.WeightsChange
	for n := range rapid.Int64Range(0, 8).Draw(t, "changes") {
		at = at.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "hours later")) * time.Hour)
		all = append(all, changed(n+1, at, ranking.Weights{
			View: weight.Draw(t, "view"), Like: weight.Draw(t, "like"), Order: weight.Draw(t, "order"),
			Carry: rapid.Int64Range(0, ranking.MaxCarry).Draw(t, "carry"),
		}))
	}
	return ranking.NewSchedule(rapid.Permutation(all).Draw(t, "order of changes")...)
}

func TestADayIsScoredByTheWeightsInForceAtItsEnd(t *testing.T) {
	t.Parallel()
	midnight := day.Start()
	first, second := ranking.Weights{View: 1}, ranking.Weights{View: 2}
	for name, c := range map[string]struct {
		at   time.Time
		want [3]ranking.Weights // of the day before, of the day, and of the day after
	}{
		"in the last microsecond of the day before": {midnight.Add(-time.Microsecond), [3]ranking.Weights{second, second, second}},
		"in the first moment of the day":            {midnight, [3]ranking.Weights{first, second, second}},
		"in UTC":                                    {midnight.Add(24*time.Hour - 1).UTC(), [3]ranking.Weights{first, second, second}},
		"in the first moment of the day after":      {midnight.Add(24 * time.Hour), [3]ranking.Weights{first, first, second}},
	} {
		s := ranking.NewSchedule(changed(2, c.at, second), changed(1, day.Add(-5).Start(), first))
		if got := [3]ranking.Weights{s.On(day.Add(-1)).Weights, s.On(day).Weights, s.On(day.Add(1)).Weights}; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if s.On(day.Add(-6)).Weights != ranking.DefaultWeights() || s.Latest().ID != 2 {
			t.Errorf("%s: before the first change there is %v, the latest is %v", name, s.On(day.Add(-6)), s.Latest())
		}
	}
	var none ranking.Schedule
	if none.On(day).Weights != ranking.DefaultWeights() || none.Latest().Weights != ranking.DefaultWeights() {
		t.Error("a schedule without changes is not that of the default weights")
	}
}

func TestAChangeGivesANewStampToTheDaysThatItScoresAndToNoOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := schedules(t)
		at := day.Start().Add(time.Duration(rapid.Int64Range(0, int64(24*time.Hour)-1).Draw(t, "at")))
		latest := before.Latest()
		if at.Before(latest.At) {
			return // the table does not take it
		}
		var all []ranking.WeightsChange
		for d := day.Add(-20); d <= day.Add(20); d = d.Add(1) {
			all = append(all, before.On(d))
		}
		same := rapid.SampledFrom([]ranking.Weights{latest.Weights, {View: 1, Carry: 1}}).Draw(t, "weights")
		after := ranking.NewSchedule(append(all, changed(latest.ID+1, at, same))...)
		for _, d := range day.Add(-9).Until(day.Add(9)) {
			if got := before.Stamp(d) != after.Stamp(d); got != (d >= day) {
				t.Errorf("after a change on %s the stamp of %s went from %s to %s", day, d, before.Stamp(d), after.Stamp(d))
			}
		}
	})
}

// Programs of the version before know one set of weights only: a deploy builds no boards again.
func TestTheStampOfTheDefaultWeightsIsThatOfTheVersionBefore(t *testing.T) {
	t.Parallel()
	if stamp := ranking.NewSchedule().Stamp(day); stamp != "100/200/700/100" {
		t.Errorf("the stamp is %s", stamp)
	}
	if stamp := ranking.NewSchedule(changed(7, day.Start(), ranking.Weights{View: 5, Carry: 1})).Stamp(day); stamp != "100/200/700/100,20260310:5/0/0/1@7" {
		t.Errorf("the stamp is %s", stamp)
	}
}

func TestATrialChangesTheDayAndNotThoseBeforeIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, w := schedules(t), ranking.Weights{View: 12_345}
		before := s.Stamp(day.Add(3))
		trial := s.Trial(day, w)
		if trial.On(day).Weights != w {
			t.Errorf("the trial has %v", trial.On(day))
		}
		for _, d := range day.Add(-14).Until(day.Add(-1)) {
			if trial.On(d) != s.On(d) {
				t.Errorf("the trial of %s changes %s", day, d)
			}
		}
		if s.Stamp(day.Add(3)) != before {
			t.Error("the trial has changed the schedule")
		}
	})
}

// score is the rule written out in another way: with big numbers, from the newest day back.
func score(s ranking.Schedule, d clock.Day, byDay map[clock.Day]metric.Counters, left int) *big.Int {
	w, c := s.On(d).Weights, byDay[d]
	sum := new(big.Int).Mul(big.NewInt(w.View), big.NewInt(c.Views))
	sum.Add(sum, new(big.Int).Mul(big.NewInt(w.Like), big.NewInt(c.Likes)))
	sum.Mul(sum, big.NewInt(1000))
	sum.Add(sum, new(big.Int).Mul(big.NewInt(w.Order), big.NewInt(c.AmountLog)))
	if left > 0 {
		in := new(big.Int).Mul(big.NewInt(w.Carry), score(s, d.Add(-1), byDay, left-1))
		sum.Add(sum, in.Quo(in, big.NewInt(1000)))
	}
	return sum
}

func TestTheScoreIsTheRuleWithTheWeightsOfEachDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, all := schedules(t), rows(t)
		if got, want := s.Score(day, all).Live, score(s, day, byDayOf(all), ranking.Window); big.NewInt(got).Cmp(want) != 0 {
			t.Errorf("the score is %d, want %s", got, want)
		}
	})
}

func byDayOf(rows []metric.Counters) map[clock.Day]metric.Counters {
	byDay := map[clock.Day]metric.Counters{}
	for _, c := range rows {
		byDay[c.Day] = c
	}
	return byDay
}

func TestThePartsOfAnExplanationAddUpToTheScoreToTheLastDigit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, all := schedules(t), rows(t)
		e := s.Explain(ranking.PeriodOf(ranking.Daily, day), day, 7, all)
		var sum ranking.Points
		for i, d := range e.Days {
			sum += d.Part
			if d.Live != d.Views+d.Likes+d.Orders+d.In || int64(d.Own()) != s.On(d.Counters.Day).Weights.Own(d.Counters) {
				t.Errorf("%s does not add up: %+v", d.Counters.Day, d)
			}
			if i > 0 && d.In != e.Days[i-1].Out {
				t.Errorf("%s takes over %s, the day before gives %s", d.Counters.Day, d.In, e.Days[i-1].Out)
			}
		}
		want := s.Score(day, all)
		last := e.Days[len(e.Days)-1]
		if int64(sum) != want.Live || e.Score != sum || int64(last.Live) != want.Live || int64(last.Own()) != want.Own || last.Out != 0 {
			t.Errorf("the parts add up to %s and the score is %s, want %+v", sum, e.Score, want)
		}
		if len(e.Days) != ranking.Window+1 {
			t.Errorf("there are %d days", len(e.Days))
		}
	})
}

func TestAnExplanationOfAWeekOrAMonthAddsUpTheOwnScoresOfItsDays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, all := schedules(t), rows(t)
		kind := rapid.SampledFrom([]ranking.Kind{ranking.Weekly, ranking.Monthly}).Draw(t, "kind")
		today := day.Add(rapid.IntRange(-3, 3).Draw(t, "today"))
		p := ranking.PeriodOf(kind, day)
		e := s.Explain(p, today, 7, all)
		var want int64
		for _, c := range all {
			if c.Day >= p.First && c.Day <= min(p.Last, today) {
				want += s.On(c.Day).Weights.Own(c)
			}
		}
		if int64(e.Score) != want || len(e.Days) != len(p.First.Until(min(p.Last, today))) {
			t.Errorf("the score is %s of %d days, want %d", e.Score, len(e.Days), want)
		}
		for _, d := range e.Days {
			if d.In != 0 || d.Out != 0 || d.Part != d.Own() {
				t.Errorf("%s is carried over: %+v", d.Counters.Day, d)
			}
		}
	})
}

// The limits of docs/decisions/0024-weights-at-run-time.md.
func TestTheLargestWeightsKeepScoresExact(t *testing.T) {
	t.Parallel()
	largest := ranking.Weights{View: ranking.MaxWeight, Like: ranking.MaxWeight, Order: ranking.MaxWeight, Carry: ranking.MaxCarry}
	if err := largest.Check(); err != nil {
		t.Fatal(err)
	}
	busy := metric.Counters{ProductID: 1, Views: 10_000_000, Likes: 10_000_000, AmountLog: 1_000_000 * metric.LogAmount(int64(money.Max))}
	var all []metric.Counters
	for _, d := range day.Add(-ranking.Window).Until(day) {
		busy.Day = d
		all = append(all, busy)
	}
	s := ranking.NewSchedule(changed(1, day.Add(-30).Start(), largest))
	got := s.Score(day, all).Live
	if want := score(s, day, byDayOf(all), ranking.Window); big.NewInt(got).Cmp(want) != 0 || got > 1<<53 {
		t.Errorf("the score is %d, want %s, at most %d", got, want, 1<<53)
	}
}

func TestWeightsOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		w    ranking.Weights
		want string // pointers
	}{
		"the default":       {ranking.DefaultWeights(), ""},
		"only orders":       {ranking.Weights{Order: 1}, ""},
		"the largest":       {ranking.Weights{View: 10_000, Like: 10_000, Order: 10_000, Carry: 1_000}, ""},
		"one too many each": {ranking.Weights{View: 10_001, Like: 10_001, Order: 10_001, Carry: 1_001}, "/view /like /order /carry"},
		"below zero":        {ranking.Weights{View: -1, Like: -1, Order: -1, Carry: -1}, "/view /like /order /carry"},
		"nothing":           {ranking.Weights{Carry: 1}, "/order"},
	} {
		var pointers []string
		if wrong, ok := errors.AsType[*fault.Error](c.w.Check()); ok {
			for _, f := range wrong.Fields {
				pointers = append(pointers, f.Pointer)
			}
		}
		if got := strings.Join(pointers, " "); got != c.want {
			t.Errorf("%s: wrong are %q, want %q", name, got, c.want)
		}
	}
}

func TestThousandthsAreExactDecimals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "0.1": 100, "1": 1000, "0.001": 1, "10": 10_000, "2.50": 2500, "1e-1": 100, "-0.2": -200, "1e3": 1_000_000,
	} {
		var got ranking.Thousandths
		if err := json.Unmarshal([]byte(text), &got); err != nil || int64(got) != want {
			t.Errorf("%s is %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{`"x"`, "0.0001", "0.1005", "1e300", "true", "null", "[]", `""`, "1e-9"} {
		var got ranking.Thousandths
		if err := json.Unmarshal([]byte(text), &got); !errors.Is(err, ranking.ErrWeights) {
			t.Errorf("%s is %d (%v), want ErrWeights", text, got, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := ranking.Thousandths(rapid.Int64Range(-1_000_000, 1_000_000).Draw(t, "thousandths"))
		raw, err := json.Marshal(want)
		var got ranking.Thousandths
		if err == nil {
			err = json.Unmarshal(raw, &got)
		}
		if err != nil || got != want || strings.Contains(string(raw), ".") && strings.HasSuffix(string(raw), "0") {
			t.Errorf("%d became %s and then %d (%v)", int64(want), raw, got, err)
		}
	})
}
