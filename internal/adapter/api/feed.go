package api

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/panics"
)

// Errors of a feed.
var (
	errFeedFull   = fault.New(fault.Unavailable, "TOO_MANY_LISTENERS", "too many clients listen already; try again later")
	errFeedClosed = fault.New(fault.Unavailable, "SHUTTING_DOWN", "the server is shutting down; connect again")
)

// state is what listeners of a feed see: the same id means the same text.
type state struct{ id, text string }

// feed computes a state again and again, once for all listeners, and only while there are any. It never
// waits for a listener: one that is slow does not see every state.
type feed struct {
	limit  int
	log    *slog.Logger
	failed atomic.Int64 // computations

	mu        sync.Mutex
	listeners int
	now       state
	changed   chan struct{} // closed when now changes, and when the feed closes
	stop      func()        // ends the computation; nil while nobody listens
	closed    bool
}

func newFeed(limit int, log *slog.Logger) *feed {
	return &feed{limit: limit, log: log, changed: make(chan struct{})}
}

// every is the shortest time between two states.
const every = 500 * time.Millisecond

// join adds a listener, who must call leave. The first one starts compute.
func (f *feed) join(compute func(context.Context) (state, error)) (leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, errFeedClosed
	case f.listeners >= f.limit:
		return nil, errFeedFull
	}
	f.listeners++
	if f.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		f.stop = cancel
		go f.run(ctx, compute)
	}
	return f.leave, nil
}

// leave removes a listener. After the last one nothing is computed, and the state is forgotten: it would
// be old when somebody listens again.
func (f *feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners--
	if f.listeners == 0 {
		f.stop()
		f.stop, f.now = nil, state{}
	}
}

// run computes states until ctx ends. Listeners keep the last state while none can be computed.
func (f *feed) run(ctx context.Context, compute func(context.Context) (state, error)) {
	outage.New(f.log, "compute the ranking stream").Repeat(ctx, every, func(ctx context.Context) error {
		s, err := f.caught(ctx, compute)
		if err == nil {
			f.publish(ctx, s)
		} else if ctx.Err() == nil {
			f.failed.Add(1)
		}
		return err
	})
}

// caught computes a state. A panic is counted as a failure, too.
func (*feed) caught(ctx context.Context, compute func(context.Context) (state, error)) (s state, err error) {
	err = panics.Caught(func() (err error) {
		s, err = compute(ctx)
		return err
	})
	return s, err
}

// publish shows a state to all listeners. A computation that has been stopped shows nothing.
func (f *feed) publish(ctx context.Context, s state) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil || s.id == f.now.id {
		return
	}
	f.now = s
	f.wake()
}

func (f *feed) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// current returns the state, a channel that is closed when it changes, and whether the feed is open.
func (f *feed) current() (now state, changed <-chan struct{}, open bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, f.changed, !f.closed
}

// close ends the feed: its listeners wake and leave.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.closed = true
		f.wake()
	}
}

func (f *feed) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listeners
}
