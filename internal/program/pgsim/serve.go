package pgsim

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	simulator "github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// shutdownTimeout is how long requests in flight may take after the stop signal.
const shutdownTimeout = 2 * time.Second

// Components returns the components that serve the simulator on l, in the order in which they stop.
func Components(s *simulator.Simulator, l net.Listener) []run.Component {
	return []run.Component{
		{Name: "gateway port", Run: func(ctx context.Context) error { return serve(ctx, s, l) }},
		{Name: "settlements and callbacks", Run: s.Run},
	}
}

// Checks returns the readiness checks of the simulator.
func Checks(s *simulator.Simulator) []manage.Check {
	return []manage.Check{{Name: "journal", Probe: func(context.Context) error { return s.JournalError() }}}
}

// serve serves requests on l until ctx ends. Requests in flight finish first; those that hang on purpose
// are released.
func serve(ctx context.Context, s *simulator.Simulator, l net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(s.Log().Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(s.Release)
	return manage.Serve(ctx, l, server, shutdownTimeout, s.Log())
}
