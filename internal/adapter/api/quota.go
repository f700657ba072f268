package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/store"
)

var errTooManyKeys = fault.New(fault.TooMany, "TOO_MANY_IDEMPOTENCY_KEYS",
	"you have used too many keys within 24 hours; nothing has happened; keys that have an answer still give it")

// Bounds of a quota.
const (
	quotaShare = 40          // the database is asked after each 40th part of the keys of a day
	quotaPause = time.Minute // for how long a user who has used all is refused without asking again
	quotaUsers = 50_000      // that are remembered, twice
)

// quota bounds how many keys a user can use within 24 hours: each has an answer in the database.
//
// It counts in memory, and asks the database what a user has used only after every few hundred keys, so
// that a usual customer costs nothing. A user can exceed the bound by as much as these few hundred in each
// process.
type quota struct {
	db   store.DB
	now  clock.Clock
	most int // 0: there is no bound

	mu      sync.Mutex
	users   map[id.ID]*keyUse // that were seen lately
	earlier map[id.ID]*keyUse // those before them

	refused prometheus.Counter
}

// keyUse is what is known of the keys of a user.
type keyUse struct {
	unasked int       // keys since the database was asked
	full    time.Time // until when the user is refused
	retry   time.Time // when the oldest key is free again
}

func newQuota(most int, db store.DB, now clock.Clock, r prometheus.Registerer) (*quota, error) {
	q := &quota{db: db, now: now, most: most, users: map[id.ID]*keyUse{}, refused: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "commerce_idempotency_keys_refused_total", Help: "Requests that were refused because their user has used too many idempotency keys within 24 hours.",
	})}
	if err := r.Register(q.refused); err != nil {
		return nil, fmt.Errorf("register the metric of idempotency keys: %w", err)
	}
	return q, nil
}

// admit counts a key that is about to be used. It returns errTooManyKeys if its user has used too many.
func (q *quota) admit(ctx context.Context, user id.ID) error {
	if q.most == 0 {
		return nil
	}
	now := q.now()
	ask, err := q.count(user, now)
	if !ask {
		return err
	}
	var use store.KeyUse
	if err := q.db.View(ctx, func(tx store.Tx) (err error) {
		use, err = tx.Keys.Used(ctx, user, now.Add(-housekeeping.KeyLife), q.most)
		return err
	}); err != nil {
		return fmt.Errorf("count the idempotency keys of a user: %w", err)
	}
	return q.learn(user, now, use)
}

// count counts a key in memory, and reports whether the database must be asked.
func (q *quota) count(user id.ID, now time.Time) (ask bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.of(user)
	if now.Before(u.full) {
		return false, q.refuse(u, now)
	}
	u.unasked++
	return u.unasked > q.most/quotaShare, nil
}

// learn keeps what the database has answered.
func (q *quota) learn(user id.ID, now time.Time, use store.KeyUse) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.of(user)
	u.unasked = 0
	if use.Keys < q.most {
		return nil
	}
	u.full, u.retry = now.Add(quotaPause), use.Oldest.Add(housekeeping.KeyLife)
	return q.refuse(u, now)
}

// refuse returns the error of a user who has used all keys.
func (q *quota) refuse(u *keyUse, now time.Time) error {
	return errTooManyKeys.After(max(u.retry.Sub(now), quotaPause))
}

// of returns the use of a user. Users who were not seen for long are forgotten.
func (q *quota) of(user id.ID) *keyUse {
	u, known := q.users[user]
	if known {
		return u
	}
	if len(q.users) >= quotaUsers {
		q.users, q.earlier = map[id.ID]*keyUse{}, q.users
	}
	if u = q.earlier[user]; u == nil {
		u = &keyUse{}
	}
	q.users[user] = u
	return u
}
