package replay

import (
	"sync"
	"time"
)

// Step is one thing that a customer does.
type Step string

// The steps.
const (
	Charge Step = "charge"
	Order  Step = "order"
	Cancel Step = "cancel"
	View   Step = "view"
	Like   Step = "like"
)

// Steps returns all steps.
func Steps() []Step { return []Step{Charge, Order, Cancel, View, Like} }

// Count is what became of a step.
type Count struct {
	Sent     int            `json:"sent"`     // agreed to, for the first time
	Repeated int            `json:"repeated"` // had been done before
	Refused  map[string]int `json:"refused"`  // by code
}

// Report is what became of a replay.
type Report struct {
	Done    int            `json:"done"` // invoices dealt with
	Of      int            `json:"of"`
	Until   time.Time      `json:"until"` // time of the latest invoice that was dealt with
	Seconds float64        `json:"seconds"`
	Steps   map[Step]Count `json:"steps"`
	Tries   int            `json:"triesAgain"` // how often something was tried again because the shop was away
	Skipped map[string]int `json:"skipped"`    // by reason
	Delay   Delay          `json:"delay"`
}

// Finished reports whether every invoice was dealt with.
func (r Report) Finished() bool { return r.Done == r.Of }

// Unsent corrects the report where so many of a step turned out not to have been
// sent after all.
func (r Report) Unsent(s Step, times int) {
	if times == 0 {
		return
	}
	c := r.Steps[s]
	c.Sent -= times
	c.Refused[noAnswer] += times
	r.Steps[s] = c
}

// PerSecond is how many orders were placed in a second.
func (r Report) PerSecond() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(r.Steps[Order].Sent) / r.Seconds
}

// ledger counts for all lanes.
type ledger struct {
	mu sync.Mutex
	r  Report
}

func newLedger() *ledger {
	l := &ledger{r: Report{Steps: map[Step]Count{}, Skipped: map[string]int{}}}
	for _, s := range Steps() {
		l.r.Steps[s] = Count{Refused: map[string]int{}}
	}
	return l
}

func (l *ledger) sent(s Step, repeated bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.r.Steps[s]
	if repeated {
		c.Repeated++
	} else {
		c.Sent++
	}
	l.r.Steps[s] = c
}

func (l *ledger) refused(s Step, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.r.Steps[s].Refused[code]++
}

func (l *ledger) skip(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.r.Skipped[why]++
}

func (l *ledger) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.r.Tries++
}

func (l *ledger) done(i Invoice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.r.Done++
	if i.At.After(l.r.Until) {
		l.r.Until = i.At
	}
}

func (l *ledger) report(of int, took time.Duration, d Delay) Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.r
	r.Of, r.Seconds, r.Delay = of, took.Seconds(), d
	return r
}
