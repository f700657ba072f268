package load

import (
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// Result is the result of one scenario.
type Result struct {
	Name, About string
	Rate        float64 // requests per second, as planned
	Interrupted bool
	// Recording is what was measured; nil if the scenario has Sweeps.
	Recording  *openloop.Recording
	Sweeps     []Sweep
	Effects    []Effect
	Thresholds []Threshold
	CPU        []Usage
}

// Sweep is the same flow at one rate after another.
type Sweep struct {
	What   string  // "orders"
	Peak   float64 // what a closed loop reached, per second
	Points []Offer
}

// count returns the requests of the flow with a verdict.
func (s Sweep) count(v openloop.Verdict) (n int64) {
	for _, o := range s.Points {
		n += o.Flow.Verdicts[v]
	}
	return n
}

// Offer is one rate of a sweep.
type Offer struct {
	Times   float64 // of the peak
	Offered float64 // per second
	Flow    *openloop.Kind
	Beside  *openloop.Kind // what other customers saw meanwhile; nil: there were none
	Ran     time.Duration
}

// Effect is something that must be true of the shop afterwards.
type Effect struct {
	What      string
	Got, Want string
	OK        bool
}

func effect(what string, got, want any) Effect {
	g, w := fmt.Sprint(got), fmt.Sprint(want)
	return Effect{what, g, w, g == w}
}

// Threshold is a figure with a limit. A limit that is missed is shown and is no failure: it
// depends on the machine and on what else runs there.
type Threshold struct {
	What       string
	Got, Limit string
	Met        bool
}

// Usage is the processor time that a process took, as a share of one processor.
type Usage struct {
	Process string
	Share   float64
}

// kinds returns what was measured of each kind, of all sweeps too.
func (r *Result) kinds() (all []*openloop.Kind) {
	if r.Recording != nil {
		all = r.Recording.Kinds()
	}
	for _, s := range r.Sweeps {
		for _, o := range s.Points {
			if all = append(all, o.Flow); o.Beside != nil {
				all = append(all, o.Beside)
			}
		}
	}
	return all
}

// count returns the requests with a verdict.
func (r *Result) count(v openloop.Verdict) (n int64) {
	for _, k := range r.kinds() {
		n += k.Verdicts[v]
	}
	return n
}

// Broken says what is wrong: answers with wrong content, and effects that are lost or
// doubled. Nothing else fails a run.
func (r *Result) Broken() (all []string) {
	if n := r.count(openloop.Wrong); n > 0 {
		all = append(all, fmt.Sprintf("%d answers had wrong content", n))
	}
	for _, e := range r.Effects {
		if !e.OK {
			all = append(all, fmt.Sprintf("%s: %s, want %s", e.What, e.Got, e.Want))
		}
	}
	return all
}

// thresholds compares a recording with thresholds: the share of errors, and the p99 of each
// kind from when requests were due.
func thresholds(rec *openloop.Recording, errors float64, p99 map[string]time.Duration) (all []Threshold) {
	total := rec.All().Verdicts
	if total.All() == 0 {
		return nil
	}
	share := float64(total[openloop.Failed]+total[openloop.Wrong]) / float64(total.All())
	all = append(all, Threshold{"errors", fmt.Sprintf("%.2f %%", 100*share), "≤ " + fmt.Sprintf("%.2f %%", 100*errors), share <= errors})
	for _, k := range rec.Kinds() {
		if limit, has := p99[k.Name]; has {
			got := k.FromDue.At(99)
			all = append(all, Threshold{"p99 of " + k.Name, ms(got) + " ms", "≤ " + ms(limit) + " ms", got <= limit})
		}
	}
	return all
}

// ms writes a time in milliseconds, with three digits.
func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
