// Package cluster runs the programs as processes, for tests: built as they run
// in production, started, killed, frozen and started again, some of them on
// servers of the test's own.
package cluster

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	stopTimeout    = 30 * time.Second // to become ready, or to stop in order
	commandTimeout = 3 * time.Minute
)

// Program is one instance of a program. It can be started again after it ended.
type Program struct {
	TB    testing.TB
	Name  string // of the instance, for messages
	Path  string // of the binary
	Args  []string
	Env   []string // the whole environment, but for HOME
	Probe string   // URL that answers 200 once the program is ready; empty: Start does not wait
	// Command says that the program ends by itself. Any other must not end
	// but by Kill or Stop.
	Command bool
	Apart   bool // see Programs

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended

	mu      sync.Mutex
	ending  bool // the test ended it
	written bytes.Buffer
}

// Launch starts the program for as long as the test runs.
func (p *Program) Launch(ctx context.Context) {
	p.TB.Helper()
	p.EndWithTest(ctx)
	if err := p.Start(ctx); err != nil {
		p.TB.Fatal(err)
	}
}

// EndWithTest kills the program when the test ends, if it has been started by then. A
// panic fails the test, and the end of the output is shown if the test failed.
func (p *Program) EndWithTest(ctx context.Context) {
	p.TB.Helper()
	p.TB.Cleanup(func() {
		_ = p.Kill(context.WithoutCancel(ctx))
		if strings.Contains(p.Output(), "panic: ") {
			p.TB.Errorf("%s panicked", p.Name)
		}
		if p.TB.Failed() {
			p.TB.Logf("the last output of %s:\n%s", p.Name, p.tail())
		}
	})
}

// Write implements io.Writer: it collects the output of the process.
func (p *Program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written.Write(b)
}

// Output returns all that the program has written since its first start, to
// standard output and standard error.
func (p *Program) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written.String()
}

func (p *Program) tail() string {
	const lines = 40
	all := strings.Split(p.Output(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Start starts the program and returns when it is ready.
func (p *Program) Start(ctx context.Context) error {
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.Path, p.Args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append([]string{"HOME=" + os.TempDir()}, p.Env...), p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: p.Apart}
	p.setEnding(p.Command)
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.done = make(chan struct{})
	go p.wait(p.cmd, p.done)
	if p.Probe == "" {
		return nil
	}
	return Await(ctx, stopTimeout, p.Name+" is ready", func() error {
		_, err := Page(ctx, p.Probe)
		return err
	})
}

// wait waits for the end of the process, which the test must have caused.
func (p *Program) wait(cmd *exec.Cmd, done chan struct{}) {
	defer close(done)
	err := cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ending {
		p.TB.Errorf("%s ended by itself: %v", p.Name, err)
	}
}

func (p *Program) setEnding(ending bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = ending
}

// Kill sends SIGKILL and returns when the process is gone.
func (p *Program) Kill(context.Context) error {
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	p.setEnding(true)
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
	return nil
}

// PID returns the id of the process.
func (p *Program) PID() int { return p.cmd.Process.Pid }

// Freeze sends SIGSTOP and returns when the process has stopped. Until then it may go on.
func (p *Program) Freeze() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(p.PID(), &status, syscall.WUNTRACED, nil); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// Thaw sends SIGCONT.
func (p *Program) Thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Stop sends SIGTERM, and fails the test unless the program exits with code 0.
func (p *Program) Stop() {
	p.TB.Helper()
	if code := p.EndBy(syscall.SIGTERM); code != 0 {
		p.TB.Errorf("%s stopped with exit code %d", p.Name, code)
	}
}

// EndBy sends a signal that ends the program, and returns the exit code.
func (p *Program) EndBy(signal os.Signal) (code int) {
	p.TB.Helper()
	p.setEnding(true)
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.TB.Fatalf("%s: %v", p.Name, err)
	}
	return p.Wait(stopTimeout)
}

// Wait waits for the end of the program and returns the exit code. It fails the
// test after limit.
func (p *Program) Wait(limit time.Duration) (code int) {
	p.TB.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		p.TB.Fatalf("%s has not ended within %v:\n%s", p.Name, limit, p.tail())
	}
	return p.cmd.ProcessState.ExitCode()
}

// Run runs a program to its end and returns its exit code and output.
func (p *Programs) Run(tb testing.TB, env []string, name string, args ...string) (code int, out string) {
	tb.Helper()
	run := &Program{TB: tb, Name: name, Path: p.Path(tb, name), Args: args, Env: env, Command: true, Apart: p.Apart}
	run.Launch(tb.Context())
	return run.Wait(commandTimeout), run.Output()
}

// MustRun is Run of commerce, the operator's commands. It fails the test unless
// the command exits with code 0.
func (p *Programs) MustRun(tb testing.TB, env []string, args ...string) (out string) {
	tb.Helper()
	code, out := p.Run(tb, env, "commerce", args...)
	if code != 0 {
		tb.Errorf("commerce %s: exit code %d\n%.4000s", strings.Join(args, " "), code, out)
	}
	return out
}
