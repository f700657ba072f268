package wire

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// A program takes the time of the database if the clock of its host is wrong, for all that it
// does, and says so.
func TestAWrongClockIsReplacedByThatOfTheDatabase(t *testing.T) {
	t.Parallel()
	for ahead, wrong := range map[time.Duration]bool{0: false, time.Second: false, time.Hour: true, -time.Hour: true, -48 * time.Hour: true} {
		env := NewEnv(slog.New(slog.DiscardHandler))
		env.Clock = func() time.Time { return time.Now().Add(ahead) }
		db := storetest.Postgres(t, sqlstore.Options{Clock: env.Clock})
		kept, db := env.inStep(t.Context(), db)
		if left := time.Until(kept.Clock()).Abs(); left > time.Minute || wrong != (kept.Ahead != 0) {
			t.Errorf("%v ahead: it is %v ahead now, %v", ahead, left, kept.Ahead)
		}
		if made, _ := kept.IDs().Time(); wrong && time.Since(made).Abs() > time.Minute {
			t.Errorf("%v ahead: an id is of %v", ahead, made)
		}
		err := Infra{Env: kept, DB: db}.ClockCheck().Probe(context.WithoutCancel(t.Context()))
		if said := err != nil && strings.Contains(err.Error(), "the clock of this host"); said != wrong {
			t.Errorf("%v ahead: %v", ahead, err)
		}
		if skew := errors.Join(db.Health(t.Context()), db.Skew(t.Context())); skew != nil {
			t.Errorf("%v ahead: the store: %v", ahead, skew)
		}
	}
}
