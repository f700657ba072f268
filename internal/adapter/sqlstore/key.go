package sqlstore

import (
	"context"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

type keys struct{ *session }

// Claim implements store.Keys. One statement takes the lock and reads the answer.
// It may read the table just before another transaction stores the answer, and take
// the lock just after. Then Keep violates the primary key and Update runs again. If
// the use case fails instead, because of what the other transaction did, the answer
// is found when the failure is stored.
func (t keys) Claim(ctx context.Context, k store.Key) (*store.Answer, error) {
	q := stmt(`
		SELECT c.mine, k.fingerprint, k.status, k.location, k.body, k.at_us
		FROM (SELECT `+t.dialect.TryLock("$1")+` AS mine) c
		LEFT JOIN idempotency_keys k ON k.user_id = $2 AND k.route = $3 AND k.key = $4`,
		lockOf(k), k.UserID, k.Route, k.Key)
	var answer *store.Answer
	err := t.change(ctx, q, func(r row) (err error) {
		answer, err = scanAnswer(r)
		return err
	})
	return answer, err
}

// scanAnswer returns the stored answer if there is one, with or without the lock.
// Without an answer and without the lock, another transaction holds the key.
func scanAnswer(r row) (*store.Answer, error) {
	c, err := scanClaim(r)
	if err == nil && c.Kept == nil && !c.Mine {
		err = store.ErrKeyInUse
	}
	return c.Kept, err
}

// scanClaim reads a claim from the last columns of a row.
func scanClaim(r row, ahead ...any) (c store.Claim, err error) {
	var mine int64
	var a store.Answer
	var status, at *int64
	var location *string
	err = r.Scan(append(ahead, &mine, &a.Fingerprint, &status, &location, &a.Body, &at)...)
	c.Mine = mine != 0
	if err == nil && status != nil {
		a.Status, a.Location, a.At = int(*status), *location, timeOf(*at)
		c.Kept = &a
	}
	return c, err
}

// lockOf returns the number of the lock of a key. If two keys have the same number,
// one of two transactions that run at the same time gets ErrKeyInUse.
func lockOf(k store.Key) int64 {
	h := xxhash.New()
	_, _ = h.Write(k.UserID[:]) // a hash never fails
	_, _ = h.WriteString(k.Route + "\x00" + k.Key)
	return int64(h.Sum64()) //nolint:gosec // all 64 bits are wanted, whatever the sign
}

// Keep implements store.Keys.
func (t keys) Keep(k store.Key, a store.Answer) {
	t.queue(Stmt{
		SQL: `
			INSERT INTO idempotency_keys (user_id, route, key, fingerprint, status, location, body, at_us)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		Args: []any{
			k.UserID, k.Route, k.Key, present(a.Fingerprint), int64(a.Status), a.Location, present(a.Body), micros(a.At),
		},
		Rows:   Any,
		Faults: keyFaults(),
	})
}

func keyFaults() Faults { return Faults{"idempotency_keys_pkey": errRetry} }

// KeepAll implements store.Keys.
func (t keys) KeepAll(answers []store.KeptAnswer) {
	t.insertAll("idempotency_keys", keyFaults(),
		Column{"user_id", UUID, collect(answers, func(a store.KeptAnswer) id.ID { return a.Key.UserID })},
		Column{"route", Text, collect(answers, func(a store.KeptAnswer) string { return a.Key.Route })},
		Column{"key", Text, collect(answers, func(a store.KeptAnswer) string { return a.Key.Key })},
		Column{"fingerprint", Bytes, collect(answers, func(a store.KeptAnswer) []byte { return present(a.Answer.Fingerprint) })},
		Column{"status", Integer, collect(answers, func(a store.KeptAnswer) int64 { return int64(a.Answer.Status) })},
		Column{"location", Text, collect(answers, func(a store.KeptAnswer) string { return a.Answer.Location })},
		Column{"body", Bytes, collect(answers, func(a store.KeptAnswer) []byte { return present(a.Answer.Body) })},
		Column{"at_us", BigInt, collect(answers, func(a store.KeptAnswer) int64 { return micros(a.Answer.At) })},
	)
}

// present returns an empty slice for nil, which would be NULL.
func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Used implements store.Keys.
func (t keys) Used(ctx context.Context, user id.ID, since time.Time, most int) (use store.KeyUse, err error) {
	var oldest *int64
	err = t.each(ctx, usedStmt(user, since, most), func(r row) error { return r.Scan(&use.Keys, &oldest) })
	if err == nil && oldest != nil {
		use.Oldest = timeOf(*oldest)
	}
	return use, err
}

func usedStmt(user id.ID, since time.Time, most int) Stmt {
	return stmt(`
		SELECT COUNT(*), MIN(u.at_us) FROM (
			SELECT at_us FROM idempotency_keys WHERE user_id = $1 AND at_us >= $2 LIMIT $3
		) u`, user, micros(since), most)
}

// Purge implements store.Keys.
func (t keys) Purge(ctx context.Context, before time.Time, limit int) (int64, error) {
	return count(ctx, t.change, stmt(`
		DELETE FROM idempotency_keys WHERE (user_id, route, key) IN (
			SELECT user_id, route, key FROM idempotency_keys WHERE at_us < $1 ORDER BY at_us LIMIT $2
		) RETURNING at_us`, micros(before), limit))
}
