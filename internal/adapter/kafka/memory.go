package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Memory bounds what the records of all consumers of a process use, waiting and in work.
type Memory struct {
	bench *bench

	mu    sync.Mutex
	used  int64
	freed chan struct{} // closed when some is given back, and then replaced
}

const (
	// queueBytes is how much the records that wait may use before partitions of which some
	// wait are fetched no more, and fullBytes before nothing is.
	queueBytes = 16 << 20
	fullBytes  = 3 * queueBytes
	// What a record takes in memory beside its key, its value and the text of its headers.
	recordBytes = 200
	headerBytes = 48
)

// NewMemory returns the memory of the consumers of a process.
func NewMemory() *Memory { return &Memory{bench: newBench(benchBytes), freed: make(chan struct{})} }

// bytesOf returns how much memory records take.
func bytesOf(records []*kgo.Record) (n int64) {
	for _, r := range records {
		n += int64(recordBytes + headerBytes*len(r.Headers) + size(r))
	}
	return n
}

// share is what one consumer uses of the memory.
type share struct {
	*Memory

	own int64
}

func (s *share) take(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used += n
	s.own += n
}

func (s *share) give(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
	s.own -= n
	close(s.freed)
	s.freed = make(chan struct{})
}

// short reports whether a partition should not be fetched while records of it wait.
func (s *share) short() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used >= queueBytes
}

// full returns a channel if this consumer should fetch nothing until that is closed. A
// consumer that has no records may fetch, whatever others have: it must not wait for them.
func (s *share) full() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used < fullBytes || s.own == 0 {
		return nil
	}
	return s.freed
}

// load is what records of one fetch take in memory. They share it: it is free when the last
// of them is processed.
type load struct {
	records int
	bytes   int64
}
