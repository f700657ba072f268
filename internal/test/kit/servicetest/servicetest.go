// Package servicetest runs programs inside the test's own process.
package servicetest

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// Run runs services until the test ends, and then stops their parts in order. The
// test fails if a part fails.
func Run(tb testing.TB, log *slog.Logger, services ...wire.Program) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	var parts []run.Component
	for _, s := range services {
		parts = append(parts, s.Components...)
	}
	done := make(chan error, 1)
	go func() { done <- run.All(ctx, log, parts...) }()
	tb.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			tb.Errorf("the programs ended with %v", err)
		}
		for i := range services {
			services[len(services)-1-i].Close()
		}
	})
}

// Listen opens a port of this machine, and returns its URL too.
func Listen(tb testing.TB) (l net.Listener, url string) {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l, "http://" + l.Addr().String()
}
