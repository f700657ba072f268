package kafka

import (
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// bench has room for the batches that are in work at a time, by what they take in memory
// once they are decoded. Batches take turns in the order in which they come. But a group
// that has none in work need not wait: its next batch is in work whatever the others do, so
// that a group whose batches hang holds up no other one.
type bench struct {
	limit int64

	mu      sync.Mutex
	used    int64
	waiting []*claim
}

// seat is the place of a group at the bench.
type seat struct {
	bench *bench
	held  int // batches in work
}

// claim is a batch that waits for room.
type claim struct {
	seat    *seat
	bytes   int64
	granted chan struct{} // closed when there is room
}

func newBench(limit int64) *bench { return &bench{limit: limit} }

func (b *bench) seat() *seat { return &seat{bench: b} }

// take waits for room. It reports false if quit is closed first.
func (s *seat) take(n int64, quit <-chan struct{}) bool {
	c := &claim{seat: s, bytes: n, granted: make(chan struct{})}
	s.bench.add(c)
	select {
	case <-c.granted:
		return true
	case <-quit:
		s.bench.withdraw(c)
		return false
	}
}

// give makes the room free again.
func (s *seat) give(n int64) { s.bench.give(s, n) }

func (b *bench) add(c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, c)
	b.admit()
}

func (b *bench) give(s *seat, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	s.held--
	b.admit()
}

// withdraw is for a claim that is given up: it waits, or has got its room meanwhile.
func (b *bench) withdraw(c *claim) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at := slices.Index(b.waiting, c); at >= 0 {
		b.waiting = slices.Delete(b.waiting, at, at+1)
	} else {
		b.used -= c.bytes
		c.seat.held--
	}
	b.admit()
}

// admit lets batches begin. One that does not fit holds up those behind it: large ones
// would never begin otherwise. The caller holds the lock.
func (b *bench) admit() {
	full := false
	b.waiting = slices.DeleteFunc(b.waiting, func(c *claim) bool {
		full = full || b.used+c.bytes > b.limit
		if full && c.seat.held > 0 {
			return false
		}
		b.used += c.bytes
		c.seat.held++
		close(c.granted)
		return true
	})
}

const (
	// benchBytes bounds the batches in work.
	benchBytes = 48 << 20
	// What a record takes, decoded and as parameters of statements, beside what grows with
	// its data, and how many times its data that is.
	workRecord = 1_200
	workFactor = 8
)

// weight returns how much memory the work on records takes.
func weight(records []*kgo.Record) (n int64) {
	for _, r := range records {
		n += workRecord + workFactor*int64(len(r.Value))
	}
	return n
}
