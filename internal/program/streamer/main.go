// Package streamer is the program commerce-streamer: it counts the shop's events
// and keeps the live rankings up to date.
package streamer

import (
	"context"
	"io"
	"log/slog"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

func about() config.About {
	return config.About{
		Name: "commerce-streamer",
		Description: "Counts the shop's events and keeps the live rankings up to date. " +
			"Every flag can be set by the environment variable in brackets.",
		Vars: kong.Vars{"management_port": "8083"},
	}
}

// connections are those to the database: the partitions of a topic are counted together.
const connections = 12

// Main runs the program and returns its exit code.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	return MainIn(wire.NewEnv, args, getenv, stdout, stderr)
}

// MainIn is Main in an environment that is made with a log.
func MainIn(newEnv func(*slog.Logger) wire.Env, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var c config.Server
	_, err := config.Read(&c, about(), args, getenv, stdout, stderr)
	if code, ok := run.ConfigExitCode(err, stderr); !ok {
		return code
	}
	limitMemory(getenv)
	log := c.Logger(stderr)
	ctx, stop := run.Signals(log)
	defer stop()
	build := func(_ context.Context, infra wire.Infra) (wire.Program, error) { return New(infra) }
	env := newEnv(log)
	env.Connections = connections
	return run.ExitCode(wire.Serve(ctx, env, about(), &c, build), stderr)
}

// memoryLimit is the memory that Go is asked to stay below, in bytes. The program then
// stays below 256 MB, whatever waits: beside the heap there are its code and the stacks.
const memoryLimit = 176 << 20

// limitMemory makes Go collect garbage earlier near the limit, unless GOMEMLIMIT says what
// the limit is.
func limitMemory(getenv func(string) string) {
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
