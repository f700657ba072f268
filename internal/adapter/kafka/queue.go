package kafka

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/wakeup"
)

// queue holds the records of one partition that were fetched and not yet
// processed. Its partition is not fetched while the queue is full, while all queues of the
// process together use more memory than they may, or while its first record is not yet due.
// So it is bounded by queueHigh records or queueMost bytes, and one poll.
type queue struct {
	client *kgo.Client
	at     partition
	due    func(*kgo.Record) time.Time // when a record may be processed
	most   int                         // records in a batch
	memory *share
	ready  wakeup.Signal // the queue may have records

	mu      sync.Mutex
	records []*kgo.Record
	inHand  []*kgo.Record // the batch that was pulled last and may be in work
	loads   []load        // what both take in memory, oldest first
	bytes   int64         // the sum of them
	waiting bool          // the first record is not yet due
	paused  bool
	closed  bool
}

func newQueue(client *kgo.Client, at partition, due func(*kgo.Record) time.Time, most int, m *share) *queue {
	return &queue{client: client, at: at, due: due, most: most, memory: m, ready: wakeup.New()}
}

// push adds records. It never blocks: the caller serves other partitions too.
func (q *queue) push(records []*kgo.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.take(load{len(records), bytesOf(records)})
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
	q.done()
	batch = q.records[:n:n]
	q.inHand = batch
	if q.records = q.records[n:]; len(q.records) == 0 {
		q.records = nil // the memory of the array is free
	}
	q.regulate()
	return batch, wait
}

// take notes what records take in memory. The caller holds the lock.
func (q *queue) take(l load) {
	q.loads = append(q.loads, l)
	q.bytes += l.bytes
	q.memory.take(l.bytes)
}

// done makes the memory of the batch in hand free. The array of the records that wait is
// that of those before, so it must not keep them. The caller holds the lock.
func (q *queue) done() {
	free := int64(0)
	for left := len(q.inHand); left > 0 && len(q.loads) > 0; {
		first := &q.loads[0]
		n := min(left, first.records)
		left -= n
		if first.records -= n; first.records == 0 {
			free += first.bytes
			q.loads = q.loads[1:]
		}
	}
	clear(q.inHand)
	q.inHand = nil
	q.give(free)
}

func (q *queue) give(n int64) {
	q.bytes -= n
	if n > 0 {
		q.memory.give(n)
	}
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
	q.done()
	one := load{1, bytesOf([]*kgo.Record{r})}
	q.take(one)
	copy(q.loads[1:], q.loads) // it is the first again
	q.loads[0] = one
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
	q.give(q.bytes)
	q.inHand, q.records, q.loads, q.closed = nil, nil, nil, true
	if q.paused {
		q.client.ResumeFetchPartitions(q.at.asMap())
	}
}

// regulate pauses the fetching of the partition, or resumes it. A queue that is paused
// because memory is short has records: it is regulated again when they are pulled. The
// caller holds the lock.
func (q *queue) regulate() {
	switch some := len(q.records)+len(q.inHand) > 0; {
	case !q.paused && (q.waiting || q.atLeast(queueHigh, queueMost) || some && q.memory.short()):
		q.paused = true
		q.client.PauseFetchPartitions(q.at.asMap())
	case q.paused && !q.waiting && (!some || !q.atLeast(queueLow+1, queueMost/2) && !q.memory.short()):
		q.paused = false
		q.client.ResumeFetchPartitions(q.at.asMap())
	}
}

// atLeast reports whether so many records wait, or so many bytes wait and are in work.
func (q *queue) atLeast(records int, bytes int64) bool {
	return len(q.records) >= records || q.bytes >= bytes
}
