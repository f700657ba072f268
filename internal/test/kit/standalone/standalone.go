// Package standalone runs code of the test kits in a program: they take a testing.TB, which
// go test makes, and so does this package.
package standalone

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
)

// Run runs do until it returns or ends itself by FailNow, and then its cleanups, also if it
// panics. Failures and logs are written to w. Run reports whether there was no failure.
// ctx is the context of do.
func Run(ctx context.Context, name string, w io.Writer, do func(tb testing.TB)) (ok bool) {
	ctx, cancel := context.WithCancel(ctx)
	t := &tb{name: name, ctx: ctx, cancel: cancel, out: w}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.cleanUp()
		defer t.recover()
		do(t)
	}()
	<-done
	return !t.Failed()
}

// tb implements testing.TB, but for what no kit needs: the interface that it embeds is nil.
type tb struct {
	testing.TB

	name   string
	ctx    context.Context //nolint:containedctx // it is what Context returns
	cancel context.CancelFunc
	out    io.Writer

	mu       sync.Mutex
	failed   bool
	cleanups []func()
}

func (t *tb) recover() {
	if v := recover(); v != nil {
		t.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}

// cleanUp runs the cleanups, the last one first. One of them may fail, and may add others.
func (t *tb) cleanUp() {
	t.cancel()
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		last := t.cleanups[n-1]
		t.cleanups = slices.Delete(t.cleanups, n-1, n)
		t.mu.Unlock()
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer t.recover()
			last()
		}()
		<-done
	}
}

func (t *tb) Name() string             { return t.name }
func (t *tb) Context() context.Context { return t.ctx }
func (*tb) Helper()                    {}

func (t *tb) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

func (t *tb) TempDir() string {
	dir, err := os.MkdirTemp("", t.name+"-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (t *tb) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *tb) Fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
}

func (t *tb) FailNow() {
	t.Fail()
	runtime.Goexit()
}

func (t *tb) write(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintln(t.out, text) // a log is the last resort
}

func (t *tb) Log(args ...any)                 { t.write(fmt.Sprint(args...)) }
func (t *tb) Logf(format string, args ...any) { t.write(fmt.Sprintf(format, args...)) }

func (t *tb) Error(args ...any) {
	t.Log(args...)
	t.Fail()
}

func (t *tb) Errorf(format string, args ...any) {
	t.Logf(format, args...)
	t.Fail()
}

func (t *tb) Fatal(args ...any) {
	t.Log(args...)
	t.FailNow()
}

func (t *tb) Fatalf(format string, args ...any) {
	t.Logf(format, args...)
	t.FailNow()
}
