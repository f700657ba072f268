package kafka

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

// queue holds the records of one partition that were fetched and not yet
// processed. Its partition is not fetched while the queue is full, while all queues
// together use more memory than they may, or while its first record is not yet due.
// So it is bounded by queueHigh records and one poll.
type queue struct {
	client *kgo.Client
	at     partition
	due    func(*kgo.Record) time.Time // when a record may be processed
	most   int                         // records in a batch
	memory *memory
	ready  wakeup.Signal // the queue may have records

	mu      sync.Mutex
	records []*kgo.Record
	inHand  []*kgo.Record // the batch that was pulled last and may be in work
	waiting bool          // the first record is not yet due
	paused  bool
}

func newQueue(client *kgo.Client, at partition, due func(*kgo.Record) time.Time, most int, m *memory) *queue {
	return &queue{client: client, at: at, due: due, most: most, memory: m, ready: wakeup.New()}
}

// push adds records. It never blocks: the caller serves other partitions too.
func (q *queue) push(records []*kgo.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.memory.take(records)
	q.records = append(q.records, records...)
	q.regulate()
	q.ready.Notify()
}

// pull removes and returns the next batch. If it is empty and wait is positive, the
// first record is due after wait; otherwise there is none. The batch before is done.
func (q *queue) pull(now time.Time) (batch []*kgo.Record, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.next(now)
	if q.waiting = n == 0 && len(q.records) > 0; q.waiting {
		wait = q.due(q.records[0]).Sub(now)
	}
	q.memory.give(q.inHand)
	batch = q.records[:n:n]
	q.inHand = batch
	if q.records = q.records[n:]; len(q.records) == 0 {
		q.records = nil // the memory of the array is free
	}
	q.regulate()
	return batch, wait
}

// next returns how many of the first records make a batch: all are due, and together
// they are not larger than maxBatchBytes, unless there is only one.
func (q *queue) next(now time.Time) (n int) {
	bytes := 0
	for n < min(len(q.records), q.most) && !q.due(q.records[n]).After(now) {
		if bytes += size(q.records[n]); bytes > maxBatchBytes && n > 0 {
			return n
		}
		n++
	}
	return n
}

// empty reports whether no record waits or is in work.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.records)+len(q.inHand) == 0
}

// postponed reports whether the first record is not yet due.
func (q *queue) postponed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// postpone puts back the record that was pulled last, as it is now.
func (q *queue) postpone(r *kgo.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.memory.take([]*kgo.Record{r})
	q.records = append([]*kgo.Record{r}, q.records...)
}

// oldest returns since when the first record that is not processed could have been.
func (q *queue) oldest() (since time.Time, some bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := q.inHand
	if len(first) == 0 {
		first = q.records
	}
	if len(first) == 0 {
		return time.Time{}, false
	}
	if since = q.due(first[0]); since.Before(first[0].Timestamp) {
		since = first[0].Timestamp
	}
	return since, true
}

// close resumes fetching: the client keeps a pause even after the partition is
// revoked, and would block the next worker of the partition.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.memory.give(q.inHand)
	q.memory.give(q.records)
	q.inHand, q.records = nil, nil
	if q.paused {
		q.client.ResumeFetchPartitions(q.at.asMap())
	}
}

// regulate pauses the fetching of the partition, or resumes it. A queue that is paused
// because memory is short has records: it is regulated again when they are pulled. The
// caller holds the lock.
func (q *queue) regulate() {
	n := len(q.records)
	switch {
	case !q.paused && (q.waiting || n >= queueHigh || n+len(q.inHand) > 0 && q.memory.short()):
		q.paused = true
		q.client.PauseFetchPartitions(q.at.asMap())
	case q.paused && !q.waiting && (n+len(q.inHand) == 0 || n <= queueLow && !q.memory.short()):
		q.paused = false
		q.client.ResumeFetchPartitions(q.at.asMap())
	}
}
