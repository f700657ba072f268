package kafka

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

// queue holds the records of one partition that were fetched and not yet
// processed. Its partition is not fetched while the queue is full, or while its
// first record is not yet due; so its size is bounded by queueHigh and one poll.
type queue struct {
	client *kgo.Client
	at     partition
	due    func(*kgo.Record) time.Time // when a record may be processed
	ready  wakeup.Signal               // the queue may have records

	mu      sync.Mutex
	records []*kgo.Record
	waiting bool // the first record is not yet due
	paused  bool
}

func newQueue(client *kgo.Client, at partition, due func(*kgo.Record) time.Time) *queue {
	return &queue{client: client, at: at, due: due, ready: wakeup.New()}
}

// push adds records. It never blocks: the caller serves other partitions too.
func (q *queue) push(records []*kgo.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.records = append(q.records, records...)
	q.regulate()
	q.ready.Notify()
}

// pull removes and returns the next batch. If it is empty and wait is positive, the
// first record is due after wait; otherwise there is none.
func (q *queue) pull(now time.Time) (batch []*kgo.Record, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < min(len(q.records), maxBatch) && !q.due(q.records[n]).After(now) {
		n++
	}
	if q.waiting = n == 0 && len(q.records) > 0; q.waiting {
		wait = q.due(q.records[0]).Sub(now)
	}
	batch = q.records[:n:n]
	q.records = q.records[n:]
	q.regulate()
	return batch, wait
}

// close resumes fetching: the client keeps a pause even after the partition is
// revoked, and would block the next worker of the partition.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.paused {
		q.client.ResumeFetchPartitions(q.at.asMap())
	}
}

// regulate pauses the fetching of the partition, or resumes it. The caller holds the
// lock.
func (q *queue) regulate() {
	switch {
	case !q.paused && (q.waiting || len(q.records) >= queueHigh):
		q.paused = true
		q.client.PauseFetchPartitions(q.at.asMap())
	case q.paused && !q.waiting && len(q.records) <= queueLow:
		q.paused = false
		q.client.ResumeFetchPartitions(q.at.asMap())
	}
}
