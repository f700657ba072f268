// Package outage logs the failures of an operation that is retried: once when they
// begin, and once when they are over.
package outage

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/panics"
)

// Log logs the failures of one operation. It is for one goroutine.
type Log struct {
	log     *slog.Logger
	what    string
	failing bool
}

// New returns a Log for the operation that what names.
func New(log *slog.Logger, what string) *Log { return &Log{log: log, what: what} }

// Failed notes a failure. The first one in a row is logged.
func (l *Log) Failed(err error) {
	if !l.failing {
		l.failing = true
		l.log.Warn("operation failed, retrying", append([]any{"what", l.what}, panics.Attrs(err)...)...)
	}
}

// Recovered notes a success. It is logged if it follows a failure.
func (l *Log) Recovered() {
	if l.failing {
		l.failing = false
		l.log.Info("operation recovered", "what", l.what)
	}
}

// ErrSkipped is the error of a step that has tried nothing: it neither failed nor
// succeeded.
var ErrSkipped = errors.New("outage: the step was skipped")

// Repeat runs step now, and then again and again with a pause in between, until
// ctx ends. It notes how the steps end, except one that ctx has ended or that was
// skipped. A step that panics has failed.
func (l *Log) Repeat(ctx context.Context, pause time.Duration, step func(context.Context) error) {
	for {
		err := panics.Caught(func() error { return step(ctx) })
		if err == nil {
			l.Recovered()
		} else if ctx.Err() == nil && !errors.Is(err, ErrSkipped) {
			l.Failed(err)
		}
		if !backoff.Wait(ctx, pause) {
			return
		}
	}
}
