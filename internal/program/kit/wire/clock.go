package wire

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
)

// clockTime bounds the question for the time of the database.
const clockTime = 3 * time.Second

// inStep compares the clock of this host with that of the database. If they are far apart, the
// environment and the store take the time of the database, and count on from there: a host
// that is an hour ahead would expire payments, and begin days, an hour early.
func (e Env) inStep(ctx context.Context, db *sqlstore.DB) (Env, *sqlstore.DB) {
	ctx, cancel := context.WithTimeout(ctx, clockTime)
	defer cancel()
	ahead, err := db.Ahead(ctx)
	if err != nil || ahead.Abs() <= sqlstore.MaxSkew {
		return e, db // if the database does not answer, the check of the clocks tells later
	}
	e.Log.Error("the time of the database is used", "error", sqlstore.SkewError(ahead))
	e.Ahead = ahead
	e.Clock = follow(e.Clock, ahead)
	e.IDs = id.NewSource(e.Clock, bufio.NewReaderSize(rand.Reader, randomAhead))
	return e, db.With(e.Clock, e.IDs)
}

// follow returns a clock that goes on from now without heeding further steps of the host's: it
// may be set right meanwhile.
func follow(host clock.Clock, ahead time.Duration) clock.Clock {
	began := host()
	return func() time.Time { return began.Add(host().Sub(began) - ahead) }
}

// ClockCheck checks that the clock of this host is that of the database.
func (u Infra) ClockCheck() manage.Check {
	return manage.Check{Name: "clock", Optional: true, Probe: func(ctx context.Context) error {
		if ahead := u.Env.Ahead; ahead != 0 {
			return fmt.Errorf("at the start %w. The time of the database is used since: set the clock right, and start again", sqlstore.SkewError(ahead))
		}
		return cmp.Or(u.HealthDB, u.DB).Skew(ctx)
	}}
}
