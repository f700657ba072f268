package crash_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// build builds the programs as they are run in production, and returns where.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "../../../cmd/...").CombinedOutput() //nolint:gosec // our own
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// program is one instance of a program, which is started again and again.
type program struct {
	t     *testing.T
	path  string
	env   []string
	name  string // of the instance
	probe string // answers 200 once it is at work

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended

	mu     sync.Mutex
	ending bool // we ended it: it did not end by itself
	out    bytes.Buffer
}

// Write implements io.Writer: what the process says.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (p *program) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
}

// start starts the program and returns when it is at work.
func (p *program) start(ctx context.Context) error {
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.path) //nolint:gosec // our own
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append([]string{"HOME=" + os.TempDir()}, p.env...), p, p
	p.mu.Lock()
	p.ending = false
	p.mu.Unlock()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.done = make(chan struct{})
	go p.bury(p.cmd, p.done)
	return await(ctx, 30*time.Second, p.name+" is at work", func() error { return answers(ctx, p.probe) })
}

// bury waits for the end of the process, which must be our doing.
func (p *program) bury(cmd *exec.Cmd, done chan struct{}) {
	defer close(done)
	err := cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ending {
		p.t.Errorf("%s ended by itself: %v", p.name, err)
	}
}

// kill is kill -9.
func (p *program) kill(context.Context) error {
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	p.end()
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
	return nil
}

func (p *program) freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }
func (p *program) thaw() error   { return p.cmd.Process.Signal(syscall.SIGCONT) }

// stop asks the program to stop, and fails the test unless it does so in order.
func (p *program) stop() {
	p.t.Helper()
	p.end()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Errorf("%s: %v", p.name, err)
		return
	}
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Errorf("%s does not stop", p.name)
		return
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("%s stopped with exit code %d", p.name, code)
	}
}

// tail is the end of what the program said, for whoever reads a failure.
func (p *program) tail() string {
	lines := strings.Split(p.said(), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// relaysSince is when the program last said that it took lanes of the outbox.
func (p *program) relaysSince() (since time.Time) {
	for line := range strings.Lines(p.said()) {
		var said struct {
			Time  time.Time
			Msg   string
			Lanes []int
		}
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "relaying the outbox" && len(said.Lanes) > 0 {
			since = said.Time
		}
	}
	return since
}

// server is a server of the test's own, kept by scripts/services.
type server struct {
	name string // as the script calls it
	env  []string
}

// newServer starts a server with data of its own; it is cleaned away with the test.
func newServer(t *testing.T, name string, ports ...string) *server {
	t.Helper()
	s := &server{name: name, env: append(os.Environ(), append(ports, "SERVICES_DIR="+filepath.Join(t.TempDir(), "services"))...)}
	t.Cleanup(func() {
		if err := s.run(context.WithoutCancel(t.Context()), "clean"); err != nil {
			t.Error(err)
		}
	})
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) run(ctx context.Context, verb string) error {
	cmd := exec.CommandContext(ctx, "../../../scripts/services", verb, s.name) //nolint:gosec // our own
	cmd.Env = s.env
	cmd.WaitDelay = time.Second // the server itself outlives the script
	if out, err := cmd.CombinedOutput(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Errorf("scripts/services %s %s: %w\n%s", verb, s.name, err, out)
	}
	return nil
}

func (s *server) kill(ctx context.Context) error  { return s.run(ctx, "kill") }
func (s *server) start(ctx context.Context) error { return s.run(ctx, "start") }

// freePort finds a port below those that the system hands out for outgoing
// connections: whoever was killed must find it free when it comes back.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000)) //nolint:gosec // no secret
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s = %d", url, res.StatusCode)
	}
	return nil
}

// await calls try until it succeeds, for up to limit.
func await(ctx context.Context, limit time.Duration, what string, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if !backoff.Wait(ctx, 20*time.Millisecond) {
			return fmt.Errorf("not within %v: %s: %w", limit, what, err)
		}
	}
}
