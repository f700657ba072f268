package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
)

type queues struct{ *session }

const (
	recordColumns = `seq, event_id, topic, key, type, time_us, sequence, traceparent, data`
	queueColumns  = recordColumns + `, lane, bucket`
)

// Read implements store.OutboxQueues.
func (t queues) Read(ctx context.Context, r store.OutboxRead) (p store.OutboxPage, err error) {
	if r.Queues != nil && len(r.Queues) == 0 {
		return p, nil
	}
	q := readStmt(t.dialect, t.horizon, r)
	p.Events, err = all(ctx, t.each, q, func(r row) (e store.QueuedEvent, err error) {
		err = scanRecord(r, &e.OutboxRecord, &e.Lane, &e.Bucket, &e.Behind, &p.Oldest, &p.Next)
		return e, err
	})
	return p, err
}

// readStmt reads the rows and, in the same statement, which of their keys have an event
// that is set aside: with two statements, the key could be released between them.
func readStmt(d Dialect, h Horizon, r store.OutboxRead) Stmt {
	from := `outbox WHERE ` + d.In("lane", Integer, 1) + ` AND held = 0 AND seq > $2`
	args := []any{r.Lanes, r.After}
	if r.Queues != nil {
		var branches string
		branches, args = branchesOf(d, r.Queues, append(args, r.Limit))
		return stmt(`SELECT `+queueColumns+seen(h)+` FROM (`+branches+`) o ORDER BY seq LIMIT $3`, args...)
	}
	return stmt(`SELECT `+queueColumns+seen(h)+` FROM (SELECT `+queueColumns+` FROM `+from+` ORDER BY seq LIMIT $3) o ORDER BY seq`, append(args, r.Limit)...)
}

// seen are the columns that say what else the statement sees.
func seen(h Horizon) string {
	return `, EXISTS (SELECT 1 FROM outbox_set_aside a WHERE a.topic = o.topic AND a.key = o.key), (SELECT ` + h.Oldest + `), (SELECT ` + h.Next + `)`
}

// branchesOf reads each queue by the index, so that it does not walk over the rows of a
// queue that is left out. Rows without a bucket are a queue of their topic. args are
// the lanes, the number to begin after, and the limit.
func branchesOf(d Dialect, queues []store.Queue, args []any) (string, []any) {
	branches, topics := make([]string, 0, len(queues)+2), map[string]int{}
	branch := func(bucket string, topic int) {
		branches = append(branches, fmt.Sprintf(`SELECT * FROM (SELECT %s FROM outbox WHERE %s AND seq > $2 AND held = 0 AND topic = $%d AND bucket %s ORDER BY seq LIMIT $3) q%d`,
			queueColumns, d.In("lane", Integer, 1), topic, bucket, len(branches)))
	}
	for _, q := range queues {
		if topics[q.Topic] == 0 {
			args = append(args, q.Topic)
			topics[q.Topic] = len(args)
			branch("IS NULL", len(args))
		}
		args = append(args, q.Bucket)
		branch(fmt.Sprintf("= $%d", len(args)), topics[q.Topic])
	}
	return strings.Join(branches, ` UNION ALL `), args
}

// scanRecord reads recordColumns, and what follows them.
func scanRecord(r row, p *store.OutboxRecord, more ...any) error {
	var at int64
	var data string
	v := &p.Envelope
	err := r.Scan(append([]any{&p.Seq, &v.ID, &v.Topic, &v.Key, &v.Type, &at, &v.Sequence, &v.Traceparent, &data}, more...)...)
	v.Source, v.Time, v.Data = event.Source, timeOf(at), []byte(data)
	return err
}

// SetBuckets implements store.OutboxQueues.
func (t queues) SetBuckets(events []store.QueuedEvent) {
	if len(events) == 0 {
		return
	}
	set, args, err := t.dialect.Set(1, []Column{
		{"seq", BigInt, collect(events, func(e store.QueuedEvent) int64 { return e.Seq })},
		{"bucket", Integer, collect(events, func(e store.QueuedEvent) int64 { return int64(event.PartitionOf(e.Envelope.Key)) })},
	}, Joined)
	if err != nil {
		_ = t.fail(err)
		return
	}
	t.exec(`UPDATE outbox AS t SET bucket = v.bucket FROM `+set+` v WHERE t.seq = v.seq`, args...)
}

// Measure implements store.OutboxQueues. It counts up to a limit. If more wait, it
// takes the rest of the numbers to be as dense as those that it has counted.
func (t queues) Measure(ctx context.Context, after int64) (b store.Backlog, err error) {
	var first, last, newest *int64
	err = t.each(ctx, measureStmt(after), func(r row) error {
		var oldest *int64
		err := r.Scan(&b.Waiting, &first, &last, &newest, &oldest)
		if oldest != nil {
			b.Oldest = timeOf(*oldest)
		}
		return err
	})
	if err == nil && b.Waiting > store.BacklogExact {
		density := float64(b.Waiting) / float64(*last-*first+1)
		b.Waiting += int64(density * float64(*newest-*last))
	}
	return b, err
}

func measureStmt(after int64) Stmt {
	return stmt(`
		SELECT COUNT(*), MIN(seq), MAX(seq), (SELECT MAX(seq) FROM outbox),
			(SELECT time_us FROM outbox WHERE seq > $1 AND held = 0 ORDER BY seq LIMIT 1)
		FROM (SELECT seq FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2) counted`, after, store.BacklogExact+1)
}
