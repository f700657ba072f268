package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

// queue holds the records of one partition that were fetched and not yet
// processed. A full queue pauses the fetching of its partition, so its size is
// bounded by queueHigh and one poll.
type queue struct {
	client *kgo.Client
	at     partition
	ready  wakeup.Signal // the queue may have records

	mu      sync.Mutex
	records []*kgo.Record
	paused  bool
}

func newQueue(client *kgo.Client, at partition) *queue {
	return &queue{client: client, at: at, ready: wakeup.New()}
}

// push adds records. It never blocks: the caller serves other partitions too.
func (q *queue) push(records []*kgo.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.records = append(q.records, records...)
	if len(q.records) >= queueHigh && !q.paused {
		q.paused = true
		q.client.PauseFetchPartitions(q.at.asMap())
	}
	q.ready.Notify()
}

// pull removes and returns the next batch; empty if there is none.
func (q *queue) pull() []*kgo.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.records), maxBatch)
	batch := q.records[:n:n]
	q.records = q.records[n:]
	if len(q.records) <= queueLow {
		q.resume()
	}
	return batch
}

// close resumes fetching: the client keeps a pause even after the partition is
// revoked, and would block the next worker of the partition.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.resume()
}

// resume fetches a paused partition again. The caller holds the lock.
func (q *queue) resume() {
	if q.paused {
		q.paused = false
		q.client.ResumeFetchPartitions(q.at.asMap())
	}
}
