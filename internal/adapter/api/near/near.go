// Package near keeps answers as bytes that are ready to be sent, in the memory of one
// process: products, and pages of which only the URL is known. It knows nothing of HTTP.
// See docs/decisions/0035-caches.md.
//
// What it answers is never older than MaxAge, and never older than what was dropped
// before the question. This holds because
//
//   - an age is counted from before the read began;
//   - a read is kept only if nothing was dropped since it began;
//   - a question joins a read that is under way only if nothing was dropped since.
package near

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

const (
	// MaxAge is the age at which an answer is no longer used.
	MaxAge = time.Second
	// FactsLife is how long the facts of a product are used while their version stays the
	// same, less up to a tenth.
	FactsLife = 10 * time.Minute
)

// overhead is the memory of an entry beside its texts, in bytes: measured, and rounded up.
const overhead = 800

// Config is what the caches need.
type Config struct {
	Bytes   uint64        // bound of the memory of one cache
	Timeout time.Duration // of a read
	Clock   clock.Clock
	Random  backoff.Random
	Log     *slog.Logger
}

// Counts is what a cache has done so far.
type Counts struct {
	Hits    atomic.Int64 // answers from memory
	Misses  atomic.Int64 // answers that had to be read, or waited for
	Stale   atomic.Int64 // entries that were found to differ from the database
	Dropped atomic.Int64 // changes that were reported
}

// ages counts time from when a cache was made.
type ages struct {
	clock clock.Clock
	began time.Time
}

func (a ages) at(t time.Time) int64 { return int64(t.Sub(a.began)) }

func (a ages) now() int64 { return a.at(a.clock()) }

// young reports whether something of the time asOf may be used at another time.
func young(asOf, at int64) bool { return at-asOf < int64(MaxAge) }

// detached returns a context for a read that others wait for too: it does not end with
// that of the first who asked.
func (c Config) detached() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), c.Timeout)
}
