package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counting returns a computation whose state changes every other time, and its count.
func counting() (func(context.Context) (state, error), *atomic.Int64) {
	var n atomic.Int64
	return func(context.Context) (state, error) {
		id := strconv.FormatInt((n.Add(1)+1)/2, 10)
		return state{id, "state " + id + "\n"}, nil
	}, &n
}

func TestAFeedComputesOnceForAllAndOnlyWhileSomebodyListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(300, slog.New(slog.DiscardHandler))
		compute, n := counting()
		var leave []func()
		for range 200 {
			l, err := f.join(compute)
			if err != nil {
				t.Fatal(err)
			}
			leave = append(leave, l)
		}
		time.Sleep(10*time.Second - time.Millisecond)
		if got := n.Load(); got != 20 || f.count() != 200 {
			t.Errorf("%d computations for %d listeners in 10 s", got, f.count())
		}
		for _, l := range leave {
			l()
		}
		time.Sleep(time.Minute)
		if got := n.Load(); got != 20 || f.count() != 0 {
			t.Errorf("%d computations after the last of %d listeners", got-20, f.count())
		}
		if now, _, _ := f.current(); now.id != "" {
			t.Errorf("an old state is kept: %v", now)
		}
		l, err := f.join(compute)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if now, _, _ := f.current(); now.id != "11" {
			t.Errorf("the next listener sees %v", now)
		}
		l() // a goroutine that goes on would fail the test
	})
}

func TestAStateThatCannotBeComputedIsSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFeed(1, slog.New(slog.DiscardHandler))
		var n atomic.Int64
		leave, err := f.join(func(context.Context) (state, error) {
			if n.Add(1) == 2 {
				return state{}, errors.New("away")
			}
			return state{"one", "\n"}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		synctest.Wait()
		_, changed, _ := f.current()
		time.Sleep(time.Minute)
		if now, later, _ := f.current(); now.id != "one" || later != changed || n.Load() < 100 {
			t.Errorf("state %v after %d computations", now, n.Load())
		}
	})
}

// A bug in the second computation: listeners keep the first state and get the third.
func TestAFeedGoesOnAfterAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		f := newFeed(1, slog.New(slog.NewTextHandler(&logged, nil)))
		var n atomic.Int64
		leave, err := f.join(func(context.Context) (state, error) {
			id := strconv.FormatInt(n.Add(1), 10)
			if id == "2" {
				panic("a bug")
			}
			return state{id, "\n"}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		time.Sleep(every)
		synctest.Wait()
		now, changed, _ := f.current()
		<-changed
		synctest.Wait()
		if next, _, open := f.current(); now.id != "1" || next.id != "3" || !open || f.failed.Load() != 1 {
			t.Errorf("after state %s comes %s, %d failures", now.id, next.id, f.failed.Load())
		}
		if !strings.Contains(logged.String(), "a bug") || !strings.Contains(logged.String(), "feed_test.go") {
			t.Errorf("the log does not say where: %s", &logged)
		}
	})
}

// pipe is a response whose client reads or does not.
type pipe struct {
	http.ResponseWriter
	mu      sync.Mutex
	text    strings.Builder
	blocked bool
	cut     chan struct{} // closed by a deadline
}

func newPipe() *pipe { return &pipe{cut: make(chan struct{})} }

func (*pipe) Header() http.Header                { return http.Header{} }
func (*pipe) FlushError() error                  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { close(p.cut); return nil }

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	blocked := p.blocked
	p.mu.Unlock()
	if blocked {
		<-p.cut
		return 0, context.DeadlineExceeded
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *pipe) block() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocked = true
}

func (p *pipe) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func TestAStreamBeatsWhileNothingChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, p := &service{feed: newFeed(1, slog.New(slog.DiscardHandler))}, newPipe()
		leave, err := s.feed.join(func(context.Context) (state, error) { return state{"a", "{}\n"}, nil })
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
		ctx, cancel := context.WithTimeout(t.Context(), 46*time.Second)
		defer cancel()
		if err := s.sendEvents(ctx, newEventWriter(p), ""); err != nil {
			t.Error(err)
		}
		want := "id: a\nevent: ranking\ndata: {}\n\n" + strings.Repeat(": still here\n\n", 3)
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// One client reads, one has stopped reading: the other does not wait for it.
func TestASlowClientIsCutOffAndBlocksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{feed: newFeed(2, slog.New(slog.DiscardHandler))}
		compute, _ := counting()
		slow, quick := newPipe(), newPipe()
		slow.block()
		ended := make(chan time.Duration, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second-time.Millisecond)
		defer cancel()
		for _, p := range []*pipe{slow, quick} {
			leave, err := s.feed.join(compute)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				defer leave()
				began := time.Now()
				if err := s.sendEvents(ctx, newEventWriter(p), ""); err != nil {
					ended <- time.Since(began)
				}
			}()
		}
		if took := <-ended; took != patience {
			t.Errorf("the slow client is cut off after %v", took)
		}
		<-ctx.Done()
		synctest.Wait()
		if n := strings.Count(quick.String(), "event: ranking\n"); n != 10 {
			t.Errorf("the other got %d events of 10", n)
		}
	})
}

func TestAFeedThatClosesEndsItsStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{feed: newFeed(2, slog.New(slog.DiscardHandler))}
		compute, _ := counting()
		leave, err := s.feed.join(compute)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(3*time.Second, s.feed.close)
		if err := s.sendEvents(t.Context(), newEventWriter(newPipe()), ""); err != nil {
			t.Error(err)
		}
		leave()
		s.feed.close()
		if _, err := s.feed.join(compute); !errors.Is(err, errFeedClosed) {
			t.Errorf("join = %v", err)
		}
	})
}
