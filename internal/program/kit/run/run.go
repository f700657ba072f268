// Package run keeps the parts of a program alive together and stops them in
// order.
package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Part runs until its context ends, and then finishes what it has begun. A
// part that returns earlier has failed.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// All runs the parts until ctx ends or one of them fails. Then it stops them
// one after another, the first one named first: each has finished before the
// next is told. So name those first that take work in, and last those that
// others need to finish theirs.
func All(ctx context.Context, log *slog.Logger, parts ...Part) error {
	base := context.WithoutCancel(ctx)
	failed := make(chan error, len(parts))
	stops := make([]func(), len(parts))
	for i, p := range parts {
		stops[i] = start(base, p, failed)
	}
	var first error
	select {
	case <-ctx.Done():
	case first = <-failed:
		log.Error("a part failed, stopping the others", "error", first)
	}
	for i, stop := range stops {
		began := time.Now()
		stop()
		log.Debug("stopped", "part", parts[i].Name, "took", time.Since(began))
	}
	close(failed)
	for err := range failed {
		first = errors.Join(first, err)
	}
	return first
}

// start runs a part on a goroutine and returns what stops it.
func start(base context.Context, p Part, failed chan<- error) (stop func()) {
	ctx, cancel := context.WithCancel(base)
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := p.Run(ctx)
		switch {
		case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
		case err == nil:
			failed <- fmt.Errorf("%s ended by itself", p.Name)
		default:
			failed <- fmt.Errorf("%s: %w", p.Name, err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// Signals returns a context that ends with the first SIGTERM or SIGINT. From
// then on a second one ends the process at once, as it does by default.
func Signals(log *slog.Logger) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		select {
		case s := <-caught:
			signal.Stop(caught)
			log.Info("stopping in order; a second signal stops at once", "signal", s.String())
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(caught)
		cancel()
	}
}
