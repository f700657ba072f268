// Package cluster runs the programs as processes, for tests: built as they are
// run in production, started, killed, frozen and started again, some of them on
// servers of the test's own.
package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Main builds the programs into a folder, whose path it writes to bin, and runs
// the tests. It returns the exit code.
func Main(m *testing.M, bin *string) int {
	dir, err := os.MkdirTemp("", "commerce-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*bin = dir
	return m.Run()
}

func build(dir string) error {
	const all = "github.com/loopers-commerce/commerce/cmd/..."
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", dir, all).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// Program is one instance of a program, which is started again and again. It
// must not end but by Kill or Stop.
type Program struct {
	TB    testing.TB
	Name  string // of the instance
	Path  string // of the binary
	Args  []string
	Env   []string // all that it is told
	Probe string   // answers 200 once it is at work; if empty, it is so at once

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended

	mu     sync.Mutex
	ending bool // we ended it: it did not end by itself
	out    bytes.Buffer
}

// Keep starts the program for as long as the test runs. A panic fails the test,
// and what the program said last is shown if the test failed.
func (p *Program) Keep(ctx context.Context) {
	p.TB.Helper()
	p.TB.Cleanup(func() {
		_ = p.Kill(context.WithoutCancel(ctx))
		if strings.Contains(p.Said(), "panic: ") {
			p.TB.Errorf("%s panicked", p.Name)
		}
		if p.TB.Failed() {
			p.TB.Logf("%s said last:\n%s", p.Name, p.tail())
		}
	})
	if err := p.Start(ctx); err != nil {
		p.TB.Fatal(err)
	}
}

// Write implements io.Writer: what the process says.
func (p *Program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// Said returns all that the program ever said.
func (p *Program) Said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// tail is the end of what the program said, for whoever reads a failure.
func (p *Program) tail() string {
	const lines = 40
	all := strings.Split(p.Said(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Start starts the program and returns when it is at work.
func (p *Program) Start(ctx context.Context) error {
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.Path, p.Args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append([]string{"HOME=" + os.TempDir()}, p.Env...), p, p
	p.mu.Lock()
	p.ending = false
	p.mu.Unlock()
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.done = make(chan struct{})
	go p.bury(p.cmd, p.done)
	if p.Probe == "" {
		return nil
	}
	const patience = 30 * time.Second
	return Await(ctx, patience, p.Name+" is at work", func() error {
		_, err := Page(ctx, p.Probe)
		return err
	})
}

// bury waits for the end of the process, which must be our doing.
func (p *Program) bury(cmd *exec.Cmd, done chan struct{}) {
	defer close(done)
	err := cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ending {
		p.TB.Errorf("%s ended by itself: %v", p.Name, err)
	}
}

// Kill is kill -9. It returns when the process is gone.
func (p *Program) Kill(context.Context) error {
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	p.end()
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
	return nil
}

func (p *Program) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending = true
}

// Freeze is kill -STOP.
func (p *Program) Freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw is kill -CONT.
func (p *Program) Thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Stop asks the program to stop, and fails the test unless it does so in order.
func (p *Program) Stop() {
	p.TB.Helper()
	p.end()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.TB.Errorf("%s: %v", p.Name, err)
		return
	}
	const patience = 30 * time.Second
	select {
	case <-p.done:
	case <-time.After(patience):
		p.TB.Errorf("%s does not stop", p.Name)
		return
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.TB.Errorf("%s stopped with exit code %d", p.Name, code)
	}
}
