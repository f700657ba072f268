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
