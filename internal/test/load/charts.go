package load

import (
	"math"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/chart"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// perSecondOf is a line of a figure of each full second of a run. A second that the run
// was in when it was interrupted would look like a dip.
func perSecondOf(rec *openloop.Recording, name string, color chart.Color, figure func(openloop.Second) float64) chart.Line {
	l := chart.Line{Name: name, Color: color}
	for i, s := range rec.All().Seconds {
		if time.Duration(i+1)*time.Second <= rec.Ran.Round(time.Second) {
			l.Points = append(l.Points, chart.Point{X: float64(i + 1), Y: figure(s)})
		}
	}
	return l
}

const timeAxis = "time (s)"

// goodputChart shows what was offered and what became of it.
func goodputChart(rec *openloop.Recording) chart.Chart {
	ended := func(v openloop.Verdict) func(openloop.Second) float64 {
		return func(s openloop.Second) float64 { return float64(s.Ended[v]) }
	}
	c := chart.Chart{
		Title: "Offered and served", X: chart.Axis{Label: timeAxis}, Y: chart.Axis{Label: "requests per second"},
		Lines: []chart.Line{perSecondOf(rec, "offered", chart.Gray, func(s openloop.Second) float64 { return float64(s.Offered) })},
	}
	c.Lines[0].Dashed = true
	for _, l := range []struct {
		verdict openloop.Verdict
		name    string
		color   chart.Color
	}{
		{openloop.OK, "done", chart.Green},
		{openloop.Declined, "rightly declined", chart.Blue},
		{openloop.Refused, "refused (503)", chart.Orange},
		{openloop.Failed, "failed", chart.Red},
		{openloop.Wrong, "wrong", chart.Purple},
	} {
		if l.verdict == openloop.OK || rec.All().Verdicts[l.verdict] > 0 {
			c.Lines = append(c.Lines, perSecondOf(rec, l.name, l.color, ended(l.verdict)))
		}
	}
	return c
}

// timeChart shows how long accepted requests took, second by second.
func timeChart(rec *openloop.Recording) chart.Chart {
	at := func(percent float64, of func(openloop.Second) *openloop.Times) func(openloop.Second) float64 {
		return func(s openloop.Second) float64 {
			if of(s).Count() == 0 {
				return math.NaN()
			}
			return inMS(of(s).At(percent))
		}
	}
	due := func(s openloop.Second) *openloop.Times { return s.FromDue }
	sent := func(s openloop.Second) *openloop.Times { return s.FromSend }
	c := chart.Chart{
		Title: "Time to the answer", X: chart.Axis{Label: timeAxis}, Y: chart.Axis{Label: "ms", Log: true},
		Lines: []chart.Line{
			perSecondOf(rec, "p99 from due", chart.Red, at(99, due)), perSecondOf(rec, "p99 from sent", chart.Orange, at(99, sent)),
			perSecondOf(rec, "p50 from due", chart.Blue, at(50, due)),
		},
	}
	c.Lines[1].Dashed = true
	return c
}

// dueChart compares both ways to measure: where the lines part, requests were sent late.
func dueChart(rec *openloop.Recording) chart.Chart {
	c := percentiles("Percentiles of all requests, from due and from sent")
	c.Lines = []chart.Line{curve("from due: what customers see", chart.Red, rec.All().FromDue), curve("from sent: coordinated omission", chart.Orange, rec.All().FromSend)}
	c.Lines[1].Dashed = true
	return c
}

// kindChart compares the kinds of requests.
func kindChart(rec *openloop.Recording) chart.Chart {
	c := percentiles("Percentiles of each kind of request, from due")
	colors := []chart.Color{chart.Blue, chart.Green, chart.Orange, chart.Purple, chart.Red, chart.Gray}
	for i, k := range rec.Kinds() {
		if i < len(colors) && k.FromDue.Count() > 0 {
			c.Lines = append(c.Lines, curve(k.Name, colors[i], k.FromDue))
		}
	}
	return c
}

// percentiles is a chart whose x is the number of nines: the slowest requests have as much
// room as all others.
func percentiles(title string) chart.Chart {
	c := chart.Chart{Title: title, X: chart.Axis{Label: "percentile", Ticks: []chart.Tick{}}, Y: chart.Axis{Label: "ms", Log: true}}
	for _, t := range []struct {
		percent float64
		label   string
	}{{0, "0"}, {50, "50"}, {90, "90"}, {95, "95"}, {99, "99"}, {99.9, "99.9"}, {99.99, "99.99"}} {
		c.X.Ticks = append(c.X.Ticks, chart.Tick{At: nines(t.percent), Label: t.label})
	}
	return c
}

func nines(percent float64) float64 { return math.Log10(100 / (100 - percent)) }

// curve is a line of percentiles, as far as there are enough requests for them.
func curve(name string, color chart.Color, times *openloop.Times) chart.Line {
	l := chart.Line{Name: name, Color: color}
	for _, percent := range []float64{0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99} {
		if 100/(100-percent) <= float64(times.Count()) {
			l.Points = append(l.Points, chart.Point{X: nines(percent), Y: inMS(times.At(percent))})
		}
	}
	return l
}

func inMS(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// sweepCharts shows goodput and times against the offered load.
func sweepCharts(sweeps []Sweep) (all []chart.Chart) {
	for _, s := range sweeps {
		all = append(all, loadChart(s), loadTimeChart(s))
	}
	return all
}

func (s Sweep) line(name string, color chart.Color, figure func(Offer) float64) chart.Line {
	l := chart.Line{Name: name, Color: color, Dots: true}
	for _, o := range s.Points {
		l.Points = append(l.Points, chart.Point{X: o.Offered, Y: figure(o)})
	}
	return l
}

func loadChart(s Sweep) chart.Chart {
	ended := func(v openloop.Verdict) func(Offer) float64 {
		return func(o Offer) float64 { return float64(o.Flow.Verdicts[v]) / o.Ran.Seconds() }
	}
	c := chart.Chart{
		Title: "Goodput of " + s.What, X: chart.Axis{Label: "offered " + s.What + " per second"}, Y: chart.Axis{Label: s.What + " per second"},
		Lines: []chart.Line{
			s.line("offered", chart.Gray, func(o Offer) float64 { return o.Offered }),
			s.line("goodput: served in time", chart.Green, func(o Offer) float64 { return o.Flow.Goodput(o.Ran) }),
		},
		Marks: []chart.Mark{{At: s.Peak, Label: "peak of a closed loop"}},
	}
	c.Lines[0].Dashed, c.Lines[0].Dots = true, false
	if s.count(openloop.Refused) > 0 {
		c.Lines = append(c.Lines, s.line("refused (503)", chart.Orange, ended(openloop.Refused)))
	}
	if s.count(openloop.Failed) > 0 {
		c.Lines = append(c.Lines, s.line("failed: no answer in time", chart.Red, ended(openloop.Failed)))
	}
	return c
}

func loadTimeChart(s Sweep) chart.Chart {
	at := func(percent float64, of func(Offer) *openloop.Kind) func(Offer) float64 {
		return func(o Offer) float64 {
			if of(o) == nil || of(o).FromDue.Count() == 0 {
				return math.NaN()
			}
			return inMS(of(o).FromDue.At(percent))
		}
	}
	flow := func(o Offer) *openloop.Kind { return o.Flow }
	others := map[string]string{"orders": "p99 of reads beside them", "reads": "p99 of orders beside them"}
	return chart.Chart{
		Title: "Time of accepted " + s.What + ", from due", X: chart.Axis{Label: "offered " + s.What + " per second"}, Y: chart.Axis{Label: "ms", Log: true},
		Lines: []chart.Line{
			s.line("p99", chart.Red, at(99, flow)), s.line("p50", chart.Blue, at(50, flow)),
			s.line(others[s.What], chart.Purple, at(99, func(o Offer) *openloop.Kind { return o.Beside })),
		},
		Marks: []chart.Mark{{At: s.Peak, Label: "peak of a closed loop"}},
	}
}
