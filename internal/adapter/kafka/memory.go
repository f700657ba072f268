package kafka

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// memory counts the bytes of the records in all queues of a consumer.
type memory struct {
	used  atomic.Int64
	limit int64
}

// What a record takes in memory beside its key, its value and the text of its headers.
const (
	recordBytes = 200
	headerBytes = 48
)

func bytesOf(records []*kgo.Record) (n int64) {
	for _, r := range records {
		n += int64(recordBytes + headerBytes*len(r.Headers) + size(r))
	}
	return n
}

func (m *memory) take(records []*kgo.Record) { m.used.Add(bytesOf(records)) }
func (m *memory) give(records []*kgo.Record) { m.used.Add(-bytesOf(records)) }

// short reports whether no more records should be fetched.
func (m *memory) short() bool { return m.used.Load() >= m.limit }

// bench has room for the batches that are in work at a time, by the bytes of their records:
// decoded, they take several times as much. A batch that is larger than all of it is in work
// alone. Batches take turns in the order in which they come.
type bench struct {
	turn  chan struct{} // holds a token: whoever has it waits for room, the others wait for it
	freed chan struct{} // holds a token: room was made since somebody looked
	used  atomic.Int64
	limit int64
}

func newBench(limit int64) *bench {
	b := &bench{turn: make(chan struct{}, 1), freed: make(chan struct{}, 1), limit: limit}
	return b
}

// take waits for room for n bytes. It reports false if quit is closed first.
func (b *bench) take(n int64, quit <-chan struct{}) bool {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-quit:
		return false
	}
	for used := b.used.Load(); used > 0 && used+n > b.limit; used = b.used.Load() {
		select {
		case <-b.freed:
		case <-quit:
			return false
		}
	}
	b.used.Add(n)
	return true
}

// give makes the room free again.
func (b *bench) give(n int64) {
	b.used.Add(-n)
	select {
	case b.freed <- struct{}{}:
	default:
	}
}

// Records larger than largeRecord are orders of many lines. Decoded and as parameters of a
// statement, they take largeFactor times as much as others for their bytes.
const (
	largeRecord = 2 << 10
	largeFactor = 4
)

// weight returns how much room a batch needs.
func weight(records []*kgo.Record) (n int64) {
	for _, r := range records {
		bytes := int64(size(r))
		if bytes > largeRecord {
			bytes *= largeFactor
		}
		n += bytes
	}
	return n
}
