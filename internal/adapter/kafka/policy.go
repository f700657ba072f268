package kafka

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// blame says what a failure is due to, and so what becomes of the records. This is
// the whole failure policy:
//
//	unreadable  The record can never be read. It goes to the dead-letter topic at once.
//	dependency  The database, Redis or Kafka is away. The partition waits and tries the
//	            same batch again. Nothing leaves it, however long that takes.
//	record      Anything else. The batch is taken apart until the failing record is
//	            alone. It goes to the group's retry topics, one after the other, and
//	            then to the dead-letter topic. The other records go on at once.
type blame uint8

const (
	nobody blame = iota
	unreadable
	dependency
	record
)

// blameFor returns what the error of a handler is due to.
func blameFor(err error) blame {
	var reached net.Error
	switch {
	case err == nil:
		return nobody
	case errors.Is(err, event.ErrUnreadable):
		return unreadable
	case fault.KindOf(err) == fault.Unavailable, // the adapters say so of what they reach
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &reached), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return dependency
	default:
		return record
	}
}

// The values of DeadCause. They are part of the wire format and independent of the
// names of Go packages and types.
const (
	CauseUnreadable = "commerce.UnreadableRecord"
	CauseFailed     = "commerce.HandlerFailed"
	CausePanicked   = "commerce.HandlerPanicked"
)

func causeOf(err error) string {
	if errors.Is(err, event.ErrUnreadable) {
		return CauseUnreadable
	}
	if _, panicked := errors.AsType[*panics.Error](err); panicked {
		return CausePanicked
	}
	return CauseFailed
}

// Delays returns how long a record waits in each retry topic, in order. A record is
// tried once more than there are delays.
func Delays() []time.Duration { return []time.Duration{time.Second, 2 * time.Second} }

// attempts is how often a record is tried before it goes to the dead-letter topic.
func attempts() int { return len(Delays()) + 1 }

// call calls the handler within its deadline. A panic is an error like others: if it
// ended the process, the next one would read the same record and end as well.
func (w *worker) call(handle func(context.Context) error) error {
	deadline := w.consumer.config.deadline()
	ctx, cancel := context.WithTimeout(w.ctx, deadline)
	defer cancel()
	watch := time.AfterFunc(deadline+hangGrace, func() { w.consumer.giveUpOn(w) })
	defer watch.Stop()
	w.working.Store(w.consumer.config.Clock().UnixMicro())
	defer w.working.Store(0)
	return panics.Caught(func() error { return handle(ctx) })
}
