package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Server is a server of the test's own, kept by scripts/services.
type Server struct {
	name string // as the script calls it
	env  []string
	path string // of the script
}

// NewServer starts a server with data of its own; it is cleaned away with the
// test. ports are the script's variables.
func NewServer(tb testing.TB, name string, ports ...string) *Server {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "services")
	s := &Server{name: name, env: append(os.Environ(), append(ports, "SERVICES_DIR="+dir)...), path: script(tb)}
	tb.Cleanup(func() {
		if err := s.run(context.WithoutCancel(tb.Context()), "clean"); err != nil {
			tb.Error(err)
		}
	})
	if err := s.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// script finds scripts/services: tests run in the folder of their package.
func script(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "scripts", "services")
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("no go.mod is above this test")
		}
	}
}

// Kill is kill -9.
func (s *Server) Kill(ctx context.Context) error { return s.run(ctx, "kill") }

// Start starts the server and returns when it answers.
func (s *Server) Start(ctx context.Context) error { return s.run(ctx, "start") }

func (s *Server) run(ctx context.Context, verb string) error {
	cmd := exec.CommandContext(ctx, s.path, verb, s.name)
	cmd.Env = s.env
	cmd.WaitDelay = time.Second // the server itself outlives the script
	if out, err := cmd.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("scripts/services %s %s: %w\n%s", verb, s.name, err, out)
	}
	return nil
}
