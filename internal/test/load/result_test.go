package load

import (
	"context"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// recorded returns a run whose requests take 20 ms and end like the verdicts, in turn.
func recorded(t *testing.T, kind string, lasts time.Duration, verdicts ...openloop.Verdict) (rec *openloop.Recording) {
	t.Helper()
	next := func(_ *rand.Rand, n int) openloop.Request {
		return openloop.Request{Kind: kind, Send: func(ctx context.Context) func() openloop.Judgement {
			backoff.Wait(ctx, 20*time.Millisecond)
			return func() openloop.Judgement {
				v := verdicts[n%len(verdicts)]
				return openloop.Judgement{Verdict: v, Why: map[openloop.Verdict]string{openloop.Wrong: "<the page has no items>"}[v]}
			}
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		rec = openloop.Run(t.Context(), openloop.Plan{
			Flows: []openloop.Flow{{Rate: 100, Next: next}}, Lasts: lasts, Patience: time.Minute, AtOnce: 1000, Seed: 1,
		})
	})
	return rec
}

func TestOnlyWrongContentAndLostEffectsFailARun(t *testing.T) {
	t.Parallel()
	slow := Threshold{"p99 of order", "900 ms", "≤ 200 ms", false}
	for name, c := range map[string]struct {
		result Result
		broken int
	}{
		"right":              {Result{Recording: recorded(t, "order", time.Second, openloop.OK), Effects: []Effect{effect("sold", 5, 5)}}, 0},
		"slow, and errors":   {Result{Recording: recorded(t, "order", time.Second, openloop.Failed, openloop.Refused), Thresholds: []Threshold{slow}}, 0},
		"wrong content":      {Result{Recording: recorded(t, "order", time.Second, openloop.OK, openloop.Wrong)}, 1},
		"oversold":           {Result{Effects: []Effect{effect("sold", 6, 5)}}, 1},
		"wrong in one sweep": {Result{Sweeps: []Sweep{{Points: []Offer{{Flow: recorded(t, "reads", time.Second, openloop.Wrong).Kind("reads")}}}}}, 1},
		"wrong beside it": {Result{Sweeps: []Sweep{{Points: []Offer{{
			Flow: recorded(t, "reads", time.Second, openloop.OK).Kind("reads"), Beside: recorded(t, "order", time.Second, openloop.Wrong).Kind("order"),
		}}}}}, 1},
	} {
		if got := c.result.Broken(); len(got) != c.broken {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestThresholdsAreMetOrMissed(t *testing.T) {
	t.Parallel()
	rec := recorded(t, "order", 10*time.Second, openloop.OK, openloop.OK, openloop.OK, openloop.Failed)
	for _, c := range []struct {
		errors float64
		p99    time.Duration
		met    []bool
	}{{0.3, 25 * time.Millisecond, []bool{true, true}}, {0.2, 15 * time.Millisecond, []bool{false, false}}} {
		got := thresholds(rec, c.errors, map[string]time.Duration{"order": c.p99, "detail": 0})
		if len(got) != 2 || got[0].Met != c.met[0] || got[1].Met != c.met[1] {
			t.Errorf("%+v", got)
		}
	}
}

// 10 pieces; 30 customers have an answer of some kind.
func TestWhatThereAreFewOfGoesToExactlySoManyCustomers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ok, declined, failed int64
		given, left          int64
		right                bool
	}{
		"exactly":                       {10, 20, 0, 10, 0, true},
		"oversold":                      {11, 19, 0, 11, -1, false},
		"a piece is lost":               {9, 21, 0, 9, 0, false},
		"a piece is left":               {9, 21, 0, 9, 1, false},
		"told, but has none":            {11, 19, 0, 10, 0, false},
		"has one, but was told not":     {9, 21, 0, 10, 0, false},
		"has one, without an answer":    {8, 20, 2, 10, 0, true},
		"fewer customers than pieces":   {5, 0, 0, 5, 5, true},
		"more have one than can be":     {8, 20, 1, 10, 0, false},
		"a customer too few, too early": {8, 2, 0, 8, 2, false},
	} {
		k := &openloop.Kind{}
		k.Verdicts[openloop.OK], k.Verdicts[openloop.Declined], k.Verdicts[openloop.Failed] = c.ok, c.declined, c.failed
		right := true
		for _, e := range atMost("pieces", c.given, 10, c.left, k) {
			right = right && e.OK
		}
		if right != c.right {
			t.Errorf("%s: %+v", name, atMost("pieces", c.given, 10, c.left, k))
		}
	}
}

func TestTheReportHasEverythingAndNeedsNothing(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := newRunner(t, &out)
	point := func(times float64) Offer {
		return Offer{times, 100 * times, recorded(t, "orders", time.Second, openloop.OK, openloop.Refused).Kind("orders"), recorded(t, "beside", time.Second, openloop.OK).Kind("beside"), time.Second}
	}
	r.baselines = []baseline{{"product detail", "bare net/http", 900, 1000, 0.9}}
	r.results = []*Result{
		{
			Name: "flash-sale", About: "Few <pieces>", Rate: 100, Recording: recorded(t, "hot order", 5*time.Second, openloop.OK, openloop.Declined, openloop.Wrong),
			Effects: []Effect{effect("pieces sold", 6, 5)}, Thresholds: []Threshold{{"p99 of hot order", "900 ms", "≤ 200 ms", false}},
		},
		{Name: "crowd", Sweeps: []Sweep{{"orders", 100, []Offer{point(0.5), point(1), point(5)}}}, Interrupted: true},
	}
	if err := r.finish(&out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.Report)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, want := range []string{
		"Something is wrong", "flash-sale: pieces sold: 6, want 5", "Few &lt;pieces&gt;", "&lt;the page has no items&gt;", "0.90", "interrupted", "rightly declined",
		"requests per second", "time (s)", "percentile", "offered orders per second", "from sent: coordinated omission", "refused (503)", ">peak of a closed loop<", "prefers-color-scheme: dark",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if n := strings.Count(page, `class="plot"`); n != 4+2 {
		t.Errorf("%d charts", n)
	}
	if found := regexp.MustCompile(`<script|<link|<img|@import|url\(|src=|https?:`).FindString(page); found != "" {
		t.Errorf("the report needs something else: %s", found)
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "ZgotmplZ") {
		t.Error("a value is not written")
	}
}
