package redis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

func begin(t *testing.T, b redistest.Board, builder string) string {
	t.Helper()
	token, err := b.Begin(t.Context(), today(), builder, 0)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// reason returns why today's board is incomplete for that builder, or "".
func reason(t *testing.T, b redistest.Board, builder, stamp string) string {
	t.Helper()
	reasons, err := b.Incomplete(t.Context(), builder, map[clock.Day]string{today(): stamp})
	if err != nil {
		t.Fatal(err)
	}
	return reasons[today()]
}

func TestABoardIsCompleteOnceItWasBuilt(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		score := ranking.Score{ProductID: 1, Own: 5, Live: 5, Version: 1}
		set(t, b, today(), score)
		if _, complete, err := b.Top(t.Context(), today(), 0, 1); complete || err != nil {
			t.Errorf("complete %v, %v before it was built", complete, err)
		}
		build(t, b, today(), score)
		if _, complete, err := b.Top(t.Context(), today(), 0, 1); !complete || err != nil {
			t.Errorf("complete %v, %v after it was built", complete, err)
		}
		begin(t, b, "another")
		if _, complete, err := b.Top(t.Context(), today(), 0, 1); complete || err != nil {
			t.Errorf("complete %v, %v during a new build", complete, err)
		}
	})
}

func TestAnyNameOfABuilderIsRecognized(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		for _, name := range []string{"me", "commerce dev", " a\nb "} {
			begin(t, b, name)
			if why := reason(t, b, name, "s"); why != "its build did not finish" {
				t.Errorf("%q began and stopped: reason %q", name, why)
			}
			if why := reason(t, b, name+"2", "s"); why != "" {
				t.Errorf("%q gets the reason of another builder: %s", name+"2", why)
			}
		}
	})
}

// The next holder of the reconcilers' lease need not wait until the build of the one before counts as abandoned.
func TestABuilderTakesOverFromOneOfItsGroup(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		old := begin(t, b, "reconciler.one")
		if why := reason(t, b, "somebody", "s"); why != "" {
			t.Errorf("a builder of another group gets the reason %q", why)
		}
		if why := reason(t, b, "reconciler.two", "s"); why != "its build did not finish" {
			t.Errorf("a builder of the group gets the reason %q", why)
		}
		begin(t, b, "reconciler.two")
		if err := b.Finish(t.Context(), today(), old, "s", unwatched); !errors.Is(err, ranking.ErrSuperseded) {
			t.Errorf("the build that was taken over ends in %v", err)
		}
	})
}

func TestABuildRemovesWhatTheDatabaseDoesNotHave(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		set(t, b, today(), ranking.Score{ProductID: 1, Own: 5, Live: 5, Version: 9}, ranking.Score{ProductID: 2, Own: -1, Version: 9},
			ranking.Score{ProductID: 3, Own: 5, Live: 5, Version: 9})
		build(t, b, today(), ranking.Score{ProductID: 3, Own: 6, Live: 6, Version: 1})
		own, live := dump(t, b, today())
		if diff := cmp.Diff([]map[int64]int64{{3: 6}, {3: 6}}, []map[int64]int64{own, live}); diff != "" {
			t.Error(diff)
		}
	})
}

func TestABuildNeverTakesBackWhatALiveWriterWrote(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		token := begin(t, b, "builder")
		set(t, b, today(), ranking.Score{ProductID: 1, Own: 7, Live: 7, Version: 2}, ranking.Score{ProductID: 2, Own: 8, Live: 8, Version: 1})
		old := []ranking.Score{{ProductID: 1, Own: 5, Live: 5, Version: 1}} // read before product 2 came
		if err := b.Fill(t.Context(), today(), token, old); err != nil {
			t.Fatal(err)
		}
		if err := b.Finish(t.Context(), today(), token, stamp, unwatched); err != nil {
			t.Fatal(err)
		}
		if _, live := dump(t, b, today()); live[1] != 7 || live[2] != 8 {
			t.Errorf("live %v", live)
		}
	})
}

func TestOnlyTheLastBuilderFinishes(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		first, second := begin(t, b, "builder"), begin(t, b, "builder")
		scores := []ranking.Score{{ProductID: 1, Own: 5, Live: 5, Version: 1}}
		if err := b.Fill(t.Context(), today(), first, scores); !errors.Is(err, ranking.ErrSuperseded) {
			t.Errorf("the first fills: %v", err)
		}
		if err := b.Fill(t.Context(), today(), second, scores); err != nil {
			t.Errorf("the second fills: %v", err)
		}
		if err := b.Finish(t.Context(), today(), first, stamp, unwatched); !errors.Is(err, ranking.ErrSuperseded) {
			t.Errorf("the first finishes: %v", err)
		}
		if err := b.Finish(t.Context(), today(), second, stamp, unwatched); err != nil {
			t.Errorf("the second finishes: %v", err)
		}
		if why := reason(t, b, "builder", stamp); why != "" {
			t.Errorf("unfinished: %s", why)
		}
	})
}

func TestWhyABoardIsIncomplete(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		check := func(builder, stamp, want string) {
			t.Helper()
			if why := reason(t, b, builder, stamp); !strings.Contains(why, want) || (why == "") != (want == "") {
				t.Errorf("unfinished: %q, want %q", why, want)
			}
		}
		check("me", stamp, "never built")
		begin(t, b, "me")
		check("me", stamp, "did not finish")
		check("other", stamp, "")
		build(t, b, today())
		check("me", stamp, "")
		check("me", "200/200/700/100", "other weights")
		mark := b.Prefix + "ranking:{all}:whole:" + today().String()
		b.Client.Set(t.Context(), mark, "whole another-run "+stamp, time.Hour)
		check("me", stamp, "has restarted")
	})
}

func TestABuildThatStopsIsAbandonedAfterAMinute(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	token := begin(t, b, "dead")
	b.Server.FastForward(50 * time.Second)
	if err := b.Fill(t.Context(), today(), token, []ranking.Score{{ProductID: 1, Own: 1, Live: 1, Version: 1}}); err != nil {
		t.Fatal(err)
	}
	b.Server.FastForward(50 * time.Second)
	if why := reason(t, b, "other", stamp); why != "" {
		t.Errorf("a build that still writes counts as abandoned: %s", why)
	}
	b.Server.FastForward(11 * time.Second)
	if why := reason(t, b, "other", stamp); !strings.Contains(why, "never built") {
		t.Errorf("a build without a write for a minute does not count as abandoned: %q", why)
	}
}

func TestARealServerReportsItsRun(t *testing.T) {
	t.Parallel()
	b := redistest.Real(t, time.Now)
	token := begin(t, b, "me")
	if run := strings.Fields(token)[1]; len(run) != 40 {
		t.Errorf("the run is %q", run)
	}
}

// To look at a million products takes longer than a lease: whoever waits is told of each part.
func TestTheEndOfABuildTellsOfItsParts(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		const products = 12_000
		token := begin(t, b, "builder")
		var scores []ranking.Score
		for pid := range int64(products) {
			scores = append(scores, ranking.Score{ProductID: pid + 1, Own: 5, Live: 5, Version: 1})
		}
		if err := b.Fill(t.Context(), today(), token, scores); err != nil {
			t.Fatal(err)
		}
		errStop := errors.New("stop")
		if err := b.Finish(t.Context(), today(), token, stamp, func() error { return errStop }); !errors.Is(err, errStop) {
			t.Errorf("it goes on: %v", err)
		}
		parts := 0
		if err := b.Finish(t.Context(), today(), token, stamp, func() error { parts++; return nil }); err != nil || parts < 6 {
			t.Errorf("%d parts of twice %d products, %v", parts, products, err)
		}
	})
}
