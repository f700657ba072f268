package streaming_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/faults"
	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
)

// While the database is away, the events wait in Kafka, however long that takes. None of
// them becomes a dead letter, and each counts once when the database is back.
func TestWhileTheDatabaseIsAwayEventsWait(t *testing.T) {
	t.Parallel()
	const rate = 500                                                               // events a second
	away := time.Duration(cluster.EnvNumber(t, "STREAMING_AWAY", 5)) * time.Second // of the database
	n := rate * int((away+5*time.Second)/time.Second)                              // they come before, meanwhile and after
	ctx := t.Context()
	on, own := ownPostgres(t, false)
	s := open(t, on, own)
	rng := rand.New(rand.NewPCG(1, 2))
	lines := retailtest.Lines(t, rng, n/2)
	m, c := newMix(t, rng, s.sell(lines), lines, n), newRecount(t)
	s.start(ctx)

	f := &feed{shop: s, in: &faults.Injector{TB: t}, pace: time.Second / rate}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		f.run(ctx, m, func(clock.Day) []poison { return nil }, c)
	}()
	s.awaitCounted(n / 20)
	s.takeAway(ctx, away, f)
	<-fed
	last := time.Now()
	s.awaitEnd(ctx, drainTime)
	t.Logf("%d records in all; all were processed %v after the last one", f.sent.Load(), time.Since(last).Round(time.Millisecond))
	s.check(ctx, c)
	s.checkDesk(nil)
	s.checkParked(ctx)
}

// takeAway kills the database and starts it again, while events come.
func (s *shop) takeAway(ctx context.Context, away time.Duration, f *feed) {
	s.t.Helper()
	postgres := s.targets["postgres"]
	s.must(postgres.Kill(ctx))
	s.awaitReadiness(http.StatusServiceUnavailable, `"missing":{"database":`)
	began := f.sent.Load()
	backoff.Wait(ctx, away)
	if n := f.sent.Load() - began; n == 0 {
		s.t.Error("no events came while the database was away")
	}
	s.awaitReadiness(http.StatusServiceUnavailable, `"missing":{"database":`)
	s.must(postgres.Start(ctx))
	s.awaitReadiness(http.StatusOK, `"status":"ready"`)
}

// awaitCounted waits until so many events are counted.
func (s *shop) awaitCounted(n int) {
	s.t.Helper()
	cluster.Eventually(s.t, time.Minute, "events are counted", func() error {
		if got := s.db.Count(s.t.Context(), `SELECT count(*) FROM event_handled`); got < int64(n) {
			return fmt.Errorf("%d of %d", got, n)
		}
		return nil
	})
}

// awaitReadiness waits until both streamers say so of themselves.
func (s *shop) awaitReadiness(status int, text string) {
	s.t.Helper()
	for _, p := range s.streamers {
		cluster.Eventually(s.t, time.Minute, p.Name+" says whether it is ready", func() error {
			got, err := apiclient.Client{URL: p.ManagementURL}.Do(s.t.Context(), apiclient.Get("", "/readyz"))
			if err == nil && (got.Status != status || !strings.Contains(string(got.Body), text)) {
				err = errors.New(string(got.Body))
			}
			return err
		})
	}
}
