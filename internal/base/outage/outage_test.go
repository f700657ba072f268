package outage_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/outage"
)

var errBroken = errors.New("broken")

func TestTheBeginningAndTheEndOfAnOutageAreLogged(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	log := outage.New(slog.New(slog.NewTextHandler(&logged, nil)), "count")
	log.Recovered()
	for range 3 {
		log.Failed(errBroken)
	}
	log.Recovered()
	log.Recovered()
	log.Failed(errors.New("broken again"))
	if got := strings.Count(logged.String(), "\n"); got != 3 || !strings.Contains(logged.String(), "what=count") {
		t.Errorf("logged:\n%s", &logged)
	}
}

func TestAStepIsRepeatedUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		outage.New(slog.New(slog.NewTextHandler(&logged, nil)), "count").Repeat(ctx, time.Second, func(ctx context.Context) error {
			steps++
			switch steps {
			case 2, 4:
				return errBroken
			case 3, 5:
				return outage.ErrSkipped
			case 6:
				cancel()
				return ctx.Err()
			}
			return nil
		})
		if got := strings.Count(logged.String(), "\n"); steps != 6 || got != 1 {
			t.Errorf("%d steps; logged:\n%s", steps, &logged)
		}
	})
}

func TestAStepThatPanicsHasFailedAndIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		steps := 0
		outage.New(slog.New(slog.NewTextHandler(&logged, nil)), "count").Repeat(ctx, time.Second, func(context.Context) error {
			steps++
			if steps == 4 {
				cancel()
			}
			if steps < 3 {
				panic("a bug")
			}
			return nil
		})
		if got := strings.Count(logged.String(), "\n"); steps != 4 || got != 2 || !strings.Contains(logged.String(), "outage_test.go") {
			t.Errorf("%d steps; logged:\n%s", steps, &logged)
		}
	})
}
