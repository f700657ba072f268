package sqlstore

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

type letters struct{ *session }

// Index implements deadletter.Table. The update is about a record that has failed again
// only: the number of its replays grows with each time that it is sent.
func (t letters) Index(l deadletter.Letter) {
	content, err := contentOf(l.Content)
	if err != nil {
		_ = t.fail(err)
		return
	}
	t.exec(`
		INSERT INTO dead_letters (id, identity, dlt_topic, dlt_partition, dlt_offset, dead_us, expires_us,
			origin_topic, origin_partition, origin_offset, origin_us, consumer, record_key, event_id, event_type,
			cause, message, attempts, size, content, replays, failures, changed_us, state, actor, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $21, $6, 'NEW', '', '')
		ON CONFLICT (identity) DO UPDATE SET
			dlt_topic = excluded.dlt_topic, dlt_partition = excluded.dlt_partition, dlt_offset = excluded.dlt_offset,
			dead_us = excluded.dead_us, expires_us = excluded.expires_us, cause = excluded.cause, message = excluded.message,
			attempts = excluded.attempts, state = 'NEW', changed_us = excluded.changed_us, failures = excluded.failures,
			replays = CASE WHEN excluded.replays > dead_letters.replays THEN excluded.replays ELSE dead_letters.replays END
		WHERE excluded.failures > dead_letters.failures`,
		l.ID, l.Identity(), l.At.Topic, int64(l.At.Partition), l.At.Offset, micros(l.DeadAt), microsOrNil(l.ExpiresAt),
		l.Origin.Topic, int64(l.Origin.Partition), l.Origin.Offset, microsOrNil(l.OriginAt), l.Group, l.Key, idOrNil(l.EventID), l.Type,
		l.Cause, l.Message, int64(l.Attempts), l.Size, content, int64(l.Failures))
}

const (
	letterColumns = `id, dlt_topic, dlt_partition, dlt_offset, dead_us, expires_us, origin_topic, origin_partition, origin_offset, origin_us,
		consumer, record_key, event_id, event_type, cause, message, attempts, size, state, replays, failures, actor, reason, changed_us`
	selectLetter = `SELECT ` + letterColumns + ` FROM dead_letters `
	selectWhole  = `SELECT ` + letterColumns + `, content FROM dead_letters `
	byOrigin     = "consumer, origin_topic, origin_partition, origin_offset, id"
)

// Find implements deadletter.Table.
func (t letters) Find(ctx context.Context, f deadletter.Filter, before id.ID, limit int) ([]deadletter.Letter, error) {
	return all(ctx, t.each, lettersStmt(f, before, limit), scanLetter)
}

func lettersStmt(f deadletter.Filter, before id.ID, limit int) Stmt {
	w := lettersWhere(f)
	if !before.IsZero() {
		w.and("id < %s", before)
	}
	return page(selectLetter, w, "id DESC", limit)
}

// Next implements deadletter.Table.
func (t letters) Next(ctx context.Context, f deadletter.Filter, after deadletter.Position, limit int) ([]deadletter.Letter, error) {
	q := listing{letterColumns + ", content", "size", byOrigin}.fitting(nextLettersStmt(f, after, limit), lettersBytes)
	found, _, err := readFitting(ctx, t.each, q, scanWhole)
	return found, err
}

func nextLettersStmt(f deadletter.Filter, after deadletter.Position, limit int) Stmt {
	w := lettersWhere(f)
	if after != (deadletter.Position{}) {
		w.and("(consumer, origin_topic, origin_partition, origin_offset, id) > (%s, %s, %s, %s, %s)",
			after.Group, after.Origin.Topic, int64(after.Origin.Partition), after.Origin.Offset, after.ID)
	}
	return page(selectWhole, w, byOrigin, limit)
}

// lettersBytes is how many bytes the records of a portion of letters have, about.
const lettersBytes = 4 << 20

func lettersWhere(f deadletter.Filter) where {
	w := where{text: "WHERE true"}
	for column, want := range map[string]string{
		"state": string(f.State), "origin_topic": f.Topic, "consumer": f.Group, "event_type": f.Type, "record_key": f.Key,
	} {
		if want != "" {
			w.and(column+" = %s", want)
		}
	}
	if !f.ID.IsZero() {
		w.and("id = %s", f.ID)
	}
	if !f.EventID.IsZero() {
		w.and("event_id = %s", f.EventID)
	}
	if !f.Since.IsZero() {
		w.and("dead_us >= %s", micros(f.Since))
	}
	if !f.Until.IsZero() {
		w.and("dead_us < %s", micros(f.Until))
	}
	if f.Error != "" {
		w.and(`lower(cause || ' ' || message) LIKE lower(%s) ESCAPE '\'`, "%"+escapeLike(f.Error)+"%")
	}
	return w
}

// Lock implements deadletter.Table. The letters are locked in the order of their ids, so
// that two transactions cannot deadlock.
func (t letters) Lock(ctx context.Context, ids []id.ID) ([]deadletter.Letter, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := stmt(selectLetter+`WHERE `+t.dialect.In("id", UUID, 1)+` ORDER BY id `+t.dialect.ForUpdate, ids)
	return all(ctx, t.change, q, scanLetter)
}

// Save implements deadletter.Table.
func (t letters) Save(l deadletter.Letter, a deadletter.Action) {
	t.queue(Stmt{
		SQL:  `UPDATE dead_letters SET state = $1, replays = $2, actor = $3, reason = $4, changed_us = $5 WHERE id = $6`,
		Args: []any{string(l.State), int64(l.Replays), l.Actor, l.Reason, micros(l.ChangedAt), l.ID},
		Rows: 1, Mismatch: deadletter.ErrNotFound,
	})
	t.exec(`INSERT INTO dead_letter_actions (letter_id, action, at_us, actor, reason, run_id) VALUES ($1, $2, $3, $4, $5, $6)`,
		l.ID, string(a.What), micros(a.At), a.Actor, a.Reason, idOrNil(a.Run))
}

// Summaries implements deadletter.Table.
func (t letters) Summaries(ctx context.Context) ([]deadletter.Summary, error) {
	q := stmt(`SELECT state, COUNT(*), CAST(SUM(replays) AS BIGINT), MIN(expires_us), MIN(dead_us) FROM dead_letters GROUP BY state ORDER BY state`)
	return all(ctx, t.each, q, func(r row) (s deadletter.Summary, err error) {
		var expires *int64
		var oldest int64
		err = r.Scan(&s.State, &s.Letters, &s.Replays, &expires, &oldest)
		s.Expires, s.Oldest = timeOrNil(expires), timeOf(oldest)
		return s, err
	})
}

const oldLetters = `SELECT id FROM dead_letters WHERE state <> 'NEW' AND changed_us < $1 ORDER BY changed_us LIMIT $2`

// Purge implements deadletter.Table. The actions go with their letters.
func (t letters) Purge(ctx context.Context, before time.Time, limit int) (int64, error) {
	return count(ctx, t.change, stmt(`DELETE FROM dead_letters WHERE id IN (`+oldLetters+`) RETURNING changed_us`, micros(before), limit))
}

type letterActions struct{ *session }

const actionsOfLetter = `SELECT action, at_us, actor, reason, run_id FROM dead_letter_actions WHERE letter_id = $1 ORDER BY id`

// Of implements deadletter.ActionTable.
func (t letterActions) Of(ctx context.Context, letter id.ID) ([]deadletter.Action, error) {
	return all(ctx, t.each, stmt(actionsOfLetter, letter), func(r row) (a deadletter.Action, err error) {
		var at int64
		var run *id.ID
		err = r.Scan(&a.What, &at, &a.Actor, &a.Reason, &run)
		a.At, a.Run = timeOf(at), idOf(run)
		return a, err
	})
}
