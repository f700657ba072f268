package run_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// stopOrder records the order in which components end.
type stopOrder struct {
	mu    sync.Mutex
	ended []string
}

func (d *stopOrder) component(name string) run.Component {
	return run.Component{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ended = append(d.ended, name)
		return ctx.Err()
	}}
}

func TestComponentsStopOneAfterAnotherInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var d stopOrder
		done := make(chan error, 1)
		go func() {
			done <- run.All(ctx, slog.New(slog.DiscardHandler), d.component("server"), d.component("relay"), d.component("management port"))
		}()
		synctest.Wait()
		stop()
		if err := <-done; err != nil {
			t.Errorf("All = %v", err)
		}
		if want := []string{"server", "relay", "management port"}; !slices.Equal(d.ended, want) {
			t.Errorf("ended in order %v, want %v", d.ended, want)
		}
	})
}

func TestAComponentThatFailsStopsTheOthersAndIsNamed(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]error{"with an error": errors.New("connection refused"), "by ending early": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d stopOrder
			broken := run.Component{Name: "consumer", Run: func(context.Context) error { return fail }}
			err := run.All(t.Context(), slog.New(slog.DiscardHandler), d.component("server"), broken)
			if err == nil || !strings.Contains(err.Error(), "consumer") || (fail != nil && !errors.Is(err, fail)) {
				t.Errorf("All = %v", err)
			}
			if !slices.Equal(d.ended, []string{"server"}) {
				t.Errorf("ended %v", d.ended)
			}
		})
	}
}

// The other components finish their work: a process that ended at once would lose it.
func TestAComponentThatPanicsStopsTheOthersInOrder(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	var d stopOrder
	broken := run.Component{Name: "consumer", Run: func(context.Context) error { panic("a bug") }}
	err := run.All(t.Context(), slog.New(slog.NewTextHandler(&logged, nil)), d.component("server"), broken, d.component("relay"))
	if err == nil || err.Error() != "consumer: panic: a bug" || !slices.Equal(d.ended, []string{"server", "relay"}) {
		t.Errorf("All = %v; ended %v", err, d.ended)
	}
	if !strings.Contains(logged.String(), "run_test.go") {
		t.Errorf("the log has no stack: %s", &logged)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for _, c := range []struct {
		err  error
		want int
		ok   bool
	}{{nil, run.OK, true}, {config.ErrHelp, run.OK, false}, {errors.New("PORT"), run.BadCommand, false}} {
		if code, ok := run.ConfigExitCode(c.err, &out); code != c.want || ok != c.ok {
			t.Errorf("Configured(%v) = %d, %v; want %d, %v", c.err, code, ok, c.want, c.ok)
		}
	}
	refused := fault.ErrValidation.About(fault.Field{Pointer: "/reason", Detail: "must not be so"})
	for _, err := range []error{errors.New("no"), fmt.Errorf("discard: %w", refused)} {
		if got := run.ExitCode(err, &out); got != run.Failed {
			t.Errorf("Ended = %d, want %d", got, run.Failed)
		}
	}
	if !strings.Contains(out.String(), "error: PORT") || !strings.Contains(out.String(), "error: no") ||
		!strings.Contains(out.String(), "\n  /reason: must not be so\n") {
		t.Errorf("stderr = %q", out.String())
	}
}
