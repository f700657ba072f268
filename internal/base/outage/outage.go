// Package outage tells the log of failures that are tried again and again:
// once when they begin and once when they are over.
package outage

import "log/slog"

// Log is one thing that may fail for a while. It is for one goroutine.
type Log struct {
	log  *slog.Logger
	what string
	on   bool
}

// New returns a trouble that has not begun; what names what may fail.
func New(log *slog.Logger, what string) *Log { return &Log{log: log, what: what} }

// Failed notes a failure. Only the first one in a row is told.
func (t *Log) Failed(err error) {
	if !t.on {
		t.on = true
		t.log.Warn("something fails and is tried again", "what", t.what, "error", err)
	}
}

// Recovered notes a success. It is told if there was a failure before.
func (t *Log) Recovered() {
	if t.on {
		t.on = false
		t.log.Info("it works again", "what", t.what)
	}
}
