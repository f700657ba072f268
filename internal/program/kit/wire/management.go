package wire

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Listen opens a TCP port. Its error names the flag or variable that chooses
// another port.
func Listen(ctx context.Context, host string, port int, setting string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on port %d (choose another with %s): %w", port, setting, err)
	}
	return l, nil
}

// WithManagementPort adds the management port to a program. It stops last: until then it
// reports that the program is stopping. It returns an error if its metrics cannot be
// registered.
func (e Env) WithManagementPort(ctx context.Context, l net.Listener, p Program) (Program, error) {
	running := manage.Check{Name: "running", Probe: func(context.Context) error { return ctx.Err() }}
	health := manage.NewHealth(append([]manage.Check{running}, p.Checks...), e.Log)
	if err := e.Registry.Register(health); err != nil {
		return p, fmt.Errorf("register the metrics of /readyz: %w", err)
	}
	server := &http.Server{
		Handler:           manage.Handler(e.Registry, health, p.Pages...),
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, WriteTimeout: 5 * time.Minute, // a profile takes its time
		ErrorLog: slog.NewLogLogger(e.Log.Handler(), slog.LevelDebug),
	}
	p.Components = append(p.Components, run.Component{Name: "management port", Run: func(ctx context.Context) error {
		return manage.Serve(ctx, l, server, time.Second, e.Log)
	}})
	return p, nil
}
