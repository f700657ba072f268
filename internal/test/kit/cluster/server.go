package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a PostgreSQL, Redis or Kafka of the test's own, run by
// scripts/services.
type Server struct {
	tb   testing.TB
	name string // as the script calls it
	env  []string
	path string // of the script
}

// NewServer returns a server with data of its own, which is deleted when the test
// ends. ports are the script's variables, such as PG_PORT=5432.
func NewServer(tb testing.TB, name string, ports ...string) *Server {
	tb.Helper()
	root, err := moduleRoot()
	if err != nil {
		tb.Fatal(err)
	}
	dir := filepath.Join(tb.TempDir(), "services")
	s := &Server{tb: tb, name: name, path: filepath.Join(root, "scripts", "services")}
	s.env = append(os.Environ(), append(ports, "SERVICES_DIR="+dir)...)
	tb.Cleanup(func() {
		if err := s.run(context.WithoutCancel(tb.Context()), "clean"); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// StartServers starts servers at the same time and returns when all answer.
func StartServers(tb testing.TB, servers ...*Server) {
	tb.Helper()
	var all sync.WaitGroup
	for _, s := range servers {
		all.Go(func() {
			if err := s.Start(tb.Context()); err != nil {
				tb.Error(err)
			}
		})
	}
	all.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
}

// Kill sends SIGKILL.
func (s *Server) Kill(ctx context.Context) error { return s.run(ctx, "kill") }

// Start starts the server and returns when it answers.
func (s *Server) Start(ctx context.Context) error { return s.run(ctx, "start") }

// Process returns the id of the process that runs, and the folder of its data.
func (s *Server) Process() (pid int, home string) {
	s.tb.Helper()
	cmd := exec.CommandContext(s.tb.Context(), s.path, "status", s.name)
	cmd.Env = s.env
	out, err := cmd.Output()
	if err != nil {
		s.tb.Fatalf("scripts/services status %s: %v\n%s", s.name, err, out)
	}
	fields := strings.Fields(string(out)) // name, state, address, "pid", pid, folder
	n := len(fields)
	if pid, err = strconv.Atoi(fields[n-2]); err != nil {
		s.tb.Fatalf("scripts/services status %s: no pid in %q", s.name, out)
	}
	return pid, fields[n-1]
}

func (s *Server) run(ctx context.Context, verb string) error {
	cmd := exec.CommandContext(ctx, s.path, verb, s.name)
	cmd.Env = s.env
	cmd.WaitDelay = time.Second // the server itself outlives the script
	if out, err := cmd.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("scripts/services %s %s: %w\n%s", verb, s.name, err, out)
	}
	return nil
}

// Children returns the processes that a process has started, and theirs.
func Children(tb testing.TB, pid int) (all []int) {
	tb.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range tasks {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), Children(tb, child)...)
			}
		}
	}
	return all
}
