package kafka

import "log/slog"

// trouble tells of a failure when it begins and when it is over, not at each
// try. It is for one goroutine.
type trouble struct {
	log  *slog.Logger
	what string
	on   bool
}

func (t *trouble) begins(err error) {
	if !t.on {
		t.on = true
		t.log.Warn("something fails and is tried again", "what", t.what, "error", err)
	}
}

func (t *trouble) ends() {
	if t.on {
		t.on = false
		t.log.Info("it works again", "what", t.what)
	}
}
