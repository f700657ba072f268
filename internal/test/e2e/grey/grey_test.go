package grey_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

const (
	// calm is the time between two faults.
	calm = 2 * time.Second
	// patience is how long the test waits for what should take less than 10 s.
	patience = time.Minute
)

func TestASickPartHoldsUpOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	chosen := choose(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Duration(len(chosen))*(patience+30*time.Second))
	defer cancel()
	s := open(t, disksOf(chosen))
	s.start(ctx)
	r := &run{shop: s, load: newLoad(s), watch: newWatch(s)}
	r.together(ctx, func() {
		r.warmUp(ctx)
		for _, f := range chosen {
			r.suffer(ctx, f)
		}
	})
	r.report()
	r.check(ctx)
}

// run is one run of the test.
type run struct {
	*shop

	load     *load
	watch    *watch
	suffered []outcome
}

// outcome is what became of a fault.
type outcome struct {
	fault

	began, ended time.Time
	noticed      time.Duration // after it began; 0: nobody has to
	saying       string
	well         time.Duration // after it ended
}

// together runs the customers and the watch beside f.
func (r *run) together(ctx context.Context, f func()) {
	ctx, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { r.load.run(ctx) })
	all.Go(func() { r.watch.run(ctx) })
	f()
	stop()
	all.Wait()
}

// warmUp waits until the shop is well for the first time.
func (r *run) warmUp(ctx context.Context) {
	r.t.Helper()
	r.awaitWell(ctx, time.Now())
	time.Sleep(2 * calm) // requests of calm times are what others are compared with
}

// suffer begins a fault, waits until somebody says so, ends it, and waits until all is well.
func (r *run) suffer(ctx context.Context, f fault) {
	r.t.Helper()
	if f.prepare != nil {
		undo, err := f.prepare(ctx, r.shop)
		defer func() {
			if err := undo(); err != nil {
				r.t.Errorf("after %s: %v", f.name, err)
			}
			r.awaitWell(ctx, time.Now())
		}()
		if err != nil {
			r.t.Errorf("before %s: %v", f.name, err)
			return
		}
		r.awaitWell(ctx, time.Now())
	}
	before := r.total(ctx, f)
	o := outcome{fault: f, began: time.Now()}
	end, err := f.begin(ctx, r.shop)
	if err != nil {
		r.t.Errorf("%s: %v", f.name, err)
		return
	}
	if f.check+f.metric != "" || f.says != nil {
		if err := cluster.Await(ctx, patience, f.name+" is noticed", func() error { o.saying = r.says(ctx, f, before); return noticed(o.saying) }); err != nil {
			r.t.Error(err)
		}
		o.noticed = time.Since(o.began)
	}
	time.Sleep(f.lasts - time.Since(o.began)) // it is what it lasts
	if err := end(); err != nil {
		r.t.Errorf("the end of %s: %v", f.name, err)
	}
	o.ended = time.Now()
	last := r.awaitWell(ctx, o.ended)
	o.well = time.Since(o.ended)
	r.suffered = append(r.suffered, o)
	r.t.Logf("%s: noticed after %v (%s), well after %v, the last: %s", f.name, o.noticed.Round(time.Millisecond), o.saying, o.well.Round(time.Millisecond), last)
	time.Sleep(calm)
}

func noticed(saying string) error {
	if saying == "" {
		return fmt.Errorf("nobody says so")
	}
	return nil
}

// says returns what somebody says about a fault; empty: nobody says anything.
func (r *run) says(ctx context.Context, f fault, before float64) string {
	if f.says != nil {
		return f.says(ctx, r.shop)
	}
	if f.metric == "" {
		return r.watch.says(f.program, f.check)
	}
	if n := r.total(ctx, f); n > before {
		return fmt.Sprint(f.metric, " is ", n)
	}
	return ""
}

// total is the metric of a fault, of all programs that show it.
func (r *run) total(ctx context.Context, f fault) (n float64) {
	for name, service := range r.services() {
		if f.metric != "" && strings.HasPrefix(name, f.program) {
			n += service.Metric(ctx, f.metric)
		}
	}
	return n
}

// awaitWell waits until all programs are well and requests of all kinds are served. It returns
// what it has waited for last.
func (r *run) awaitWell(ctx context.Context, since time.Time) (last string) {
	r.t.Helper()
	if err := cluster.Await(ctx, patience, "all is well", func() error {
		err := r.unwell(since)
		if err != nil {
			last = err.Error()
		}
		return err
	}); err != nil {
		r.t.Error(err)
	}
	return last
}

// unwell returns who is not well, as far as is known since a time.
func (r *run) unwell(since time.Time) error {
	if sick := r.watch.sick(since); len(sick) > 0 {
		return fmt.Errorf("not well: %s", strings.Join(sick, "; "))
	}
	for _, k := range allKinds {
		last := r.load.between(since, time.Now(), k)
		if len(last) < 2 || len(bad(last[len(last)-2:])) > 0 {
			return fmt.Errorf("of %d %s: %v", len(last), k, bad(last))
		}
	}
	return nil
}

// report prints a line for each fault, and fails the test if a request was not served that
// does not need the sick part.
func (r *run) report() {
	r.t.Helper()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 1, ' ', 0)
	line := func(format string, of ...any) { _, _ = fmt.Fprintf(w, format+"\n", of...) }
	line("| fault\t| lasted\t| noticed after\t| well after\t| requests that need the part: served\t| all others: served\t| highest p99 among them, calm times = 1\t|")
	line("| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, o := range r.suffered {
		others := slices.DeleteFunc(slices.Clone(allKinds), func(k kind) bool { return slices.Contains(o.hurts, k) })
		related, unrelated := r.load.between(o.began, o.ended, o.hurts...), r.load.between(o.began, o.ended, others...)
		if why := bad(unrelated); len(why) > 0 {
			r.t.Errorf("%s: of %d requests that do not need it were not served: %v", o.name, len(unrelated), why)
		}
		r.complain(o, slices.Concat(related, unrelated))
		line("| %s\t| %.1f s\t| %s\t| %.1f s\t| %s\t| %s\t| %s\t|", o.name, o.ended.Sub(o.began).Seconds(), orNone(o.noticed),
			o.well.Seconds(), served(related), served(unrelated), r.compare(unrelated, others))
	}
	_ = w.Flush()
	r.t.Logf("%d faults:\n%s", len(r.suffered), text.String())
}

// complain fails the test for each request that was refused in another way than by 503 with
// Retry-After.
func (r *run) complain(o outcome, all []sample) {
	r.t.Helper()
	found := map[string]int{}
	for _, x := range all {
		if x.rude != "" {
			found[string(x.kind)+": "+x.rude]++
		}
	}
	for text, n := range found {
		r.t.Errorf("%s: %d times %s", o.name, n, text)
	}
}

func orNone(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func served(all []sample) string {
	n := len(all)
	for _, times := range bad(all) {
		n -= times
	}
	return fmt.Sprintf("%d of %d", n, len(all))
}

// compare returns the p99 of requests of the kind that has suffered most, as a multiple of that
// in calm times.
func (r *run) compare(all []sample, kinds []kind) string {
	var worst float64
	text := "-"
	for _, k := range kinds {
		quiet, now := p99(r.calm(k)), p99(ofKind(all, k))
		if quiet > 0 && float64(now)/float64(quiet) > worst {
			worst = float64(now) / float64(quiet)
			text = fmt.Sprintf("%.1f (%s: %v)", worst, k, now.Round(100*time.Microsecond))
		}
	}
	return text
}

// calm returns the requests of a kind in calm times: after each fault.
func (r *run) calm(k kind) (quiet []sample) {
	for _, o := range r.suffered {
		well := o.ended.Add(o.well)
		quiet = append(quiet, r.load.between(well, well.Add(calm), k)...)
	}
	return quiet
}

func ofKind(all []sample, k kind) []sample {
	return slices.DeleteFunc(slices.Clone(all), func(x sample) bool { return x.kind != k })
}

// check compares what was answered with what there is. Orders that had no answer are sent again
// under their keys.
func (r *run) check(ctx context.Context) {
	r.t.Helper()
	retrier := apiclient.NewRetrier(timeout, 8, r.apis[0].URL, r.apis[1].URL)
	defer retrier.Close()
	sums := map[string]int64{}
	for i, q := range r.load.placed {
		got, err := retrier.Do(ctx, q, i)
		var o struct{ ID, Status string }
		if err == nil {
			err = got.Decode(&o)
		}
		if err != nil || got.Status != 201 || o.Status != "PAID" {
			r.t.Errorf("order %s of %s: %v, %v", q.Key, q.User, got, err)
		}
		sums[q.User]++
	}
	if n := r.db.Count(ctx, `SELECT count(*) FROM orders`); n != int64(len(r.load.placed)) {
		r.t.Errorf("%d orders were placed, %d are there", len(r.load.placed), n)
	}
	for who, n := range sums {
		var wallet apiclient.Wallet
		r.apis[0].Client().Must(r.t, 200, apiclient.Points(who), &wallet)
		if wallet.Balance != 10_000_000-100*n {
			r.t.Errorf("%s has %d won left after %d orders", who, wallet.Balance, n)
		}
	}
	r.commerce("verify", "--wait", "60s")
	if out := r.commerce("ranking", "verify"); !strings.Contains(out, " 0 differences") {
		r.t.Errorf("ranking verify:\n%s", out)
	}
	cluster.StopAll(ctx, r.db, r.apis[0], r.apis[1], r.streamers[0], r.streamers[1])
}
