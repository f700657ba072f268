package run_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Each ends only when the other one is told to: one after another they would never end.
func TestComponentsThatRunTogetherAreStoppedAtTheSameTime(t *testing.T) {
	t.Parallel()
	var told sync.WaitGroup
	told.Add(2)
	each := func(ctx context.Context) error {
		<-ctx.Done()
		told.Done()
		told.Wait()
		return ctx.Err()
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	both := run.Together("both", run.Component{Name: "one", Run: each}, run.Component{Name: "two", Run: each})
	if err := run.All(ctx, slog.New(slog.DiscardHandler), both); err != nil {
		t.Errorf("All = %v", err)
	}
}

func TestOneOfSeveralThatRunTogetherStopsTheOthersIfItFails(t *testing.T) {
	t.Parallel()
	for want, fail := range map[string]func(context.Context) error{
		"both: two: no broker":                       func(context.Context) error { return errors.New("no broker") },
		"both: two: panic: a bug":                    func(context.Context) error { panic("a bug") },
		"both: two ended before the program stopped": func(context.Context) error { return nil },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			var d stopOrder
			err := run.All(t.Context(), slog.New(slog.DiscardHandler), run.Together("both", d.component("one"), run.Component{Name: "two", Run: fail}))
			if err == nil || err.Error() != want {
				t.Errorf("All = %v, want %s", err, want)
			}
			if len(d.ended) != 1 {
				t.Errorf("ended %v", d.ended)
			}
		})
	}
}
