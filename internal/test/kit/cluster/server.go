package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
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

	disks []*Disk
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
		if err := s.clean(context.WithoutCancel(tb.Context())); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func (s *Server) clean(ctx context.Context) error {
	err := s.run(ctx, "stop")
	for _, d := range slices.Backward(s.disks) {
		err = errors.Join(err, d.Unmount())
	}
	return errors.Join(err, s.run(ctx, "clean"))
}

// Disk mounts a disk of some MiB in the folder of the server. Its data are in "data". Call it
// before the server starts.
func (s *Server) Disk(folder string, megabytes int64) (*Disk, error) {
	s.tb.Helper()
	var owner *syscall.Credential
	if s.name == "postgres" {
		owner = Unprivileged(s.tb)
	}
	d, err := Mount(s.tb, filepath.Join(s.Home(), folder), megabytes, owner)
	if err == nil {
		s.disks = append(s.disks, d)
	}
	return d, err
}

// Home returns the folder of the server, which need not run.
func (s *Server) Home() string {
	s.tb.Helper()
	fields := s.status()
	return fields[len(fields)-1]
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

// Stop stops the server in order, if it runs.
func (s *Server) Stop(ctx context.Context) error { return s.run(ctx, "stop") }

// Start starts the server and returns when it answers.
func (s *Server) Start(ctx context.Context) error { return s.run(ctx, "start") }

// Process returns the id of the process that runs, and the folder of the server.
func (s *Server) Process() (pid int, home string) {
	s.tb.Helper()
	fields := s.status()
	n := len(fields)
	pid, err := strconv.Atoi(fields[n-2])
	if err != nil {
		s.tb.Fatalf("scripts/services status %s: no pid in %q", s.name, fields)
	}
	return pid, fields[n-1]
}

// status returns the words of what the script says about the server: name, state, address,
// "pid", pid, folder.
func (s *Server) status() []string {
	s.tb.Helper()
	cmd := exec.CommandContext(s.tb.Context(), s.path, "status", s.name)
	cmd.Env = s.env
	out, err := cmd.Output()
	if _, stopped := errors.AsType[*exec.ExitError](err); err != nil && !stopped || len(out) == 0 {
		s.tb.Fatalf("scripts/services status %s: %v\n%s", s.name, err, out)
	}
	return strings.Fields(string(out))
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
