// Package heap keeps the garbage collector from running too often while little memory is
// in use.
//
// Go collects garbage when the heap has doubled since the last collection. A program that
// keeps 10 MiB and allocates 150 MiB a second does so 15 times a second, which costs a
// third of its processor time. With a minimum of 128 MiB it does so about once a second.
package heap

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// standard is the percentage that Go uses unless GOGC says otherwise.
const standard = 100

// KeepMinimum lets the heap grow to the minimum, in bytes, before garbage is collected,
// until the context ends. Once more than half of the minimum is in use, the program is
// collected as by default. It does nothing if the minimum is 0, or if GOGC is set.
//
// A memory limit (GOMEMLIMIT) is obeyed: near it, garbage is collected earlier.
func KeepMinimum(ctx context.Context, minimum uint64) {
	if minimum == 0 || !isStandard() {
		<-ctx.Done()
		return
	}
	defer debug.SetGCPercent(standard)
	collected := make(chan struct{}, 1)
	for current := standard; ; {
		if p := percent(inUse(), minimum); p != current {
			debug.SetGCPercent(p)
			current = p
		}
		notifyOnCollection(collected)
		select {
		case <-collected:
		case <-ctx.Done():
			return
		}
	}
}

// isStandard reports whether nobody has chosen another percentage.
func isStandard() bool {
	was := debug.SetGCPercent(standard)
	if was != standard {
		debug.SetGCPercent(was)
	}
	return was == standard
}

// percent returns by how much the heap may grow beyond what is in use: up to the minimum,
// or as by default.
func percent(used, minimum uint64) int {
	used = max(used, 1<<20)
	if used >= minimum/2 {
		return standard
	}
	const steps = 4 // of each 100 %: small changes of what is in use change nothing
	return int(steps*float64(minimum-used)/float64(used)) * standard / steps
}

// inUse returns how many bytes of the heap were in use at the last collection.
func inUse() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// notifyOnCollection sends once garbage has been collected: an object that nobody uses is
// garbage then.
func notifyOnCollection(collected chan<- struct{}) {
	unused := new([16]byte)
	runtime.AddCleanup(unused, func(collected chan<- struct{}) {
		select {
		case collected <- struct{}{}:
		default:
		}
	}, collected)
}
