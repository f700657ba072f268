package replay

import (
	"sync"
	"time"
)

// Action is something that a customer does in the shop.
type Action string

// The actions.
const (
	Charge Action = "charge"
	Order  Action = "order"
	Cancel Action = "cancel"
	View   Action = "view"
	Like   Action = "like"
)

// Actions returns all actions.
func Actions() []Action { return []Action{Charge, Order, Cancel, View, Like} }

// Count is the number of results of an action.
type Count struct {
	Sent     int            `json:"sent"`     // accepted for the first time
	Repeated int            `json:"repeated"` // accepted in an earlier run, under the same key
	Refused  map[string]int `json:"refused"`  // by error code
}

// Report is the result of a replay.
type Report struct {
	Done    int              `json:"done"` // invoices that were replayed or skipped
	Of      int              `json:"of"`
	Until   time.Time        `json:"until"` // time of the latest of these invoices
	Seconds float64          `json:"seconds"`
	Actions map[Action]Count `json:"steps"`
	Retries int              `json:"triesAgain"` // calls that were repeated because the shop was unavailable
	Skipped map[string]int   `json:"skipped"`    // by reason
	Delay   Delay            `json:"delay"`
}

// Finished reports whether all invoices are done.
func (r Report) Finished() bool { return r.Done == r.Of }

// MarkUnsent moves a number of actions from Sent to Refused: the caller found out that they
// never reached the shop.
func (r Report) MarkUnsent(a Action, times int) {
	if times == 0 {
		return
	}
	c := r.Actions[a]
	c.Sent -= times
	c.Refused[noAnswer] += times
	r.Actions[a] = c
}

// PerSecond is the rate of placed orders.
func (r Report) PerSecond() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(r.Actions[Order].Sent) / r.Seconds
}

// counters collects the report. It is shared by all workers.
type counters struct {
	mu     sync.Mutex
	report Report
}

func newCounters() *counters {
	c := &counters{report: Report{Actions: map[Action]Count{}, Skipped: map[string]int{}}}
	for _, a := range Actions() {
		c.report.Actions[a] = Count{Refused: map[string]int{}}
	}
	return c
}

func (c *counters) sent(a Action, repeated bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.report.Actions[a]
	if repeated {
		n.Repeated++
	} else {
		n.Sent++
	}
	c.report.Actions[a] = n
}

func (c *counters) refused(a Action, code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Actions[a].Refused[code]++
}

func (c *counters) skipped(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Skipped[reason]++
}

func (c *counters) retried() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Retries++
}

func (c *counters) invoiceDone(i Invoice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Done++
	if i.At.After(c.report.Until) {
		c.report.Until = i.At
	}
}

func (c *counters) summary(of int, took time.Duration, d Delay) Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.report
	r.Of, r.Seconds, r.Delay = of, took.Seconds(), d
	return r
}
