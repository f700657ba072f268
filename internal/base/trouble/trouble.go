// Package trouble tells the log of failures that are tried again and again:
// once when they begin and once when they are over.
package trouble

import "log/slog"

// Trouble is one thing that may fail for a while. It is for one goroutine.
type Trouble struct {
	log  *slog.Logger
	what string
	on   bool
}

// New returns a trouble that has not begun; what names what may fail.
func New(log *slog.Logger, what string) *Trouble { return &Trouble{log: log, what: what} }

// Begins notes a failure. Only the first one in a row is told.
func (t *Trouble) Begins(err error) {
	if !t.on {
		t.on = true
		t.log.Warn("something fails and is tried again", "what", t.what, "error", err)
	}
}

// Ends notes a success. It is told if there was a failure before.
func (t *Trouble) Ends() {
	if t.on {
		t.on = false
		t.log.Info("it works again", "what", t.what)
	}
}
