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
	token, err := b.Begin(t.Context(), today(), builder)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// reason is why today's board is not whole, as the builder named sees it.
func reason(t *testing.T, b redistest.Board, builder, stamp string) string {
	t.Helper()
	reasons, err := b.Incomplete(t.Context(), builder, stamp, []clock.Day{today()})
	if err != nil {
		t.Fatal(err)
	}
	return reasons[today()]
}

func TestABoardIsWholeOnceItWasMade(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		score := ranking.Score{ProductID: 1, Own: 5, Live: 5, Version: 1}
		set(t, b, today(), score)
		if _, whole, err := b.Top(t.Context(), today(), 0, 1); whole || err != nil {
			t.Errorf("whole %v, %v before it was made", whole, err)
		}
		build(t, b, today(), score)
		if _, whole, err := b.Top(t.Context(), today(), 0, 1); !whole || err != nil {
			t.Errorf("whole %v, %v after it was made", whole, err)
		}
		begin(t, b, "another")
		if _, whole, err := b.Top(t.Context(), today(), 0, 1); whole || err != nil {
			t.Errorf("whole %v, %v while it is made anew", whole, err)
		}
	})
}

func TestABuilderIsKnownAgainWhateverItsName(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		for _, name := range []string{"me", "commerce dev", " a\nb "} {
			begin(t, b, name)
			if why := reason(t, b, name, "s"); why != "making it did not succeed" {
				t.Errorf("%q began and stopped, and is told %q", name, why)
			}
			if why := reason(t, b, name+"2", "s"); why != "" {
				t.Errorf("%q is told of another's build that %s", name+"2", why)
			}
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
		if err := b.Finish(t.Context(), today(), token, stamp); err != nil {
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
		if err := b.Finish(t.Context(), today(), first, stamp); !errors.Is(err, ranking.ErrSuperseded) {
			t.Errorf("the first finishes: %v", err)
		}
		if err := b.Finish(t.Context(), today(), second, stamp); err != nil {
			t.Errorf("the second finishes: %v", err)
		}
		if why := reason(t, b, "builder", stamp); why != "" {
			t.Errorf("unfinished: %s", why)
		}
	})
}

func TestWhyABoardIsUnfinished(t *testing.T) {
	t.Parallel()
	redistest.Each(t, time.Now, func(b redistest.Board) {
		t := b.T
		check := func(builder, stamp, want string) {
			t.Helper()
			if why := reason(t, b, builder, stamp); !strings.Contains(why, want) || (why == "") != (want == "") {
				t.Errorf("unfinished: %q, want %q", why, want)
			}
		}
		check("me", stamp, "never made")
		begin(t, b, "me")
		check("me", stamp, "did not succeed")
		check("other", stamp, "")
		build(t, b, today())
		check("me", stamp, "")
		check("me", "200/200/700/100", "other weights")
		mark := b.Prefix + "ranking:{all}:whole:" + today().String()
		b.Client.Set(t.Context(), mark, "whole another-run "+stamp, time.Hour)
		check("me", stamp, "started again")
	})
}

func TestABuilderWhoDiesIsReplaced(t *testing.T) {
	t.Parallel()
	b := redistest.Embedded(t, time.Now)
	token := begin(t, b, "dead")
	b.Server.FastForward(50 * time.Second)
	if err := b.Fill(t.Context(), today(), token, []ranking.Score{{ProductID: 1, Own: 1, Live: 1, Version: 1}}); err != nil {
		t.Fatal(err)
	}
	b.Server.FastForward(50 * time.Second)
	if why := reason(t, b, "other", stamp); why != "" {
		t.Errorf("one who still writes is thought dead: %s", why)
	}
	b.Server.FastForward(11 * time.Second)
	if why := reason(t, b, "other", stamp); !strings.Contains(why, "never made") {
		t.Errorf("one who is silent for a minute is not: %q", why)
	}
}

func TestARealServerTellsItsRun(t *testing.T) {
	t.Parallel()
	b := redistest.Real(t, time.Now)
	token := begin(t, b, "me")
	if run := strings.Fields(token)[1]; len(run) != 40 {
		t.Errorf("the run is %q", run)
	}
}
