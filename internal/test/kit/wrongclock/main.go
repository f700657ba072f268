// Command wrongclock is a program of the shop whose clock is wrong, for tests: the first
// argument is api or streamer, and CLOCK_AHEAD says by how much it is ahead.
package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/program/api"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/streamer"
)

func main() {
	by, err := time.ParseDuration(os.Getenv("CLOCK_AHEAD"))
	if err != nil || len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: CLOCK_AHEAD=1h wrongclock api|streamer:", err)
		os.Exit(2)
	}
	program := map[string]func(func(*slog.Logger) wire.Env, []string, func(string) string, io.Writer, io.Writer) int{
		"api": api.MainIn, "streamer": streamer.MainIn,
	}[os.Args[1]]
	os.Exit(program(ahead(by), nil, os.Getenv, os.Stdout, os.Stderr))
}

// ahead returns the usual environment with another clock.
func ahead(by time.Duration) func(*slog.Logger) wire.Env {
	return func(log *slog.Logger) wire.Env {
		env := wire.NewEnv(log)
		env.Clock = func() time.Time { return time.Now().Add(by) }
		env.IDs = id.NewSource(env.Clock, bufio.NewReader(rand.Reader))
		return env
	}
}
