package pgsim

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/manage"
	"github.com/loopers-commerce/commerce/internal/program/run"
)

// grace is how long requests in flight are given when the gateway stops.
const grace = 2 * time.Second

// Parts returns what has to run for the gateway to be served on l, in the order
// in which it stops.
func (s *Simulator) Parts(l net.Listener) []run.Part {
	return []run.Part{
		{Name: "gateway port", Run: func(ctx context.Context) error { return s.Serve(ctx, l) }},
		{Name: "settlements and callbacks", Run: s.Run},
	}
}

// Checks returns what the gateway needs to do its job.
func (s *Simulator) Checks() []manage.Check {
	return []manage.Check{{Name: "journal", Ask: func(context.Context) error { return s.book.broken() }}}
}

// Serve serves the gateway on l until ctx ends, then lets requests in flight
// finish, but for those that hang.
func (s *Simulator) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(s.Release)
	return manage.Serve(ctx, l, server, grace, s.log)
}
