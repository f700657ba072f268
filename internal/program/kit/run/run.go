// Package run runs the components of a program together and stops them in order.
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

	"github.com/loopers-commerce/commerce/internal/base/panics"
)

// Component is a part of a program that runs until its context ends, and then
// finishes its work. A component that returns earlier, or panics, has failed.
type Component struct {
	Name string // in logs and errors
	Run  func(ctx context.Context) error
}

// All runs the components until ctx ends or one of them fails. Then it stops them
// one after another, in the order given: it cancels the next one when the last
// one has returned. So components that accept work come first, and components
// that others need to finish theirs come last.
func All(ctx context.Context, log *slog.Logger, components ...Component) error {
	base := context.WithoutCancel(ctx)
	failed := make(chan error, len(components))
	stops := make([]func(), len(components))
	for i, c := range components {
		stops[i] = start(base, c, failed)
	}
	var first error
	select {
	case <-ctx.Done():
	case first = <-failed:
		log.Error("a component failed, stopping the others", panics.Attrs(first)...)
	}
	for i, stop := range stops {
		began := time.Now()
		stop()
		log.Debug("stopped", "component", components[i].Name, "took", time.Since(began))
	}
	close(failed)
	for err := range failed {
		first = errors.Join(first, err)
	}
	return first
}

// start runs a component in a goroutine. stop stops it and waits for its end.
func start(base context.Context, c Component, failed chan<- error) (stop func()) {
	ctx, cancel := context.WithCancel(base)
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := panics.Caught(func() error { return c.Run(ctx) })
		switch {
		case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
		case err == nil:
			failed <- fmt.Errorf("%s ended before the program stopped", c.Name)
		default:
			failed <- fmt.Errorf("%s: %w", c.Name, err)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// Signals returns a context that ends with the first SIGTERM or SIGINT. A second
// signal ends the process at once, which is its default action.
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
