package heap

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
)

const mib = 1 << 20

// kept is the last garbage: a value that nobody could see would not be allocated.
var kept []byte

// collections returns how often garbage is collected while so many bytes are allocated.
func collections(bytes int) uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range bytes / (64 << 10) {
		kept = make([]byte, 64<<10)
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

// keep keeps a minimum until the function that it returns is called.
func keep(t *testing.T, minimum uint64) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { KeepMinimum(ctx, minimum) })
	return func() {
		cancel()
		all.Wait()
	}
}

func TestASmallHeapIsCollectedRarely(t *testing.T) {
	const allocated = 512 * mib
	byDefault := collections(allocated)
	stop := keep(t, 128*mib)
	runtime.GC() // it is notified of this one
	withMinimum := collections(allocated)
	stop()
	if withMinimum > 16 || byDefault < 2*withMinimum {
		t.Errorf("512 MiB are collected %d times, and %d times by default", withMinimum, byDefault)
	}
	if again := collections(allocated); again < 2*withMinimum {
		t.Errorf("512 MiB are collected %d times after the end", again)
	}
}

func TestGOGCIsObeyed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	stop := keep(t, 128*mib)
	runtime.GC()
	stop()
	if got := debug.SetGCPercent(50); got != 50 {
		t.Errorf("GOGC is %d, want 50", got)
	}
}

func TestALargeHeapIsCollectedAsByDefault(t *testing.T) {
	for used, want := range map[uint64]int{
		0: 12_700, 1 * mib: 12_700, 10 * mib: 1_175, 32 * mib: 300, 63 * mib: 100, 64 * mib: 100, 10_000 * mib: 100,
	} {
		if got := percent(used, 128*mib); got != want {
			t.Errorf("with %d MiB in use, the heap may grow by %d %%, want %d %%", used/mib, got, want)
		}
	}
}
