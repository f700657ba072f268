package cluster_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// recorder keeps the failures of a test.
type recorder struct {
	testing.TB

	mu       sync.Mutex
	failures []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.failures, "\n")
}

// shell returns a program that runs a script.
func shell(t *testing.T, script string) (*cluster.Program, *recorder) {
	t.Helper()
	r := &recorder{TB: t}
	p := &cluster.Program{TB: r, Name: "a script", Path: "/bin/sh", Args: []string{"-c", script}}
	return p, r
}

func start(t *testing.T, p *cluster.Program) {
	t.Helper()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill(t.Context()) })
}

func awaitOutput(t *testing.T, p *cluster.Program, want string) {
	t.Helper()
	cluster.Eventually(t, 10*time.Second, "the script writes "+want, func() error {
		if out := p.Output(); !strings.Contains(out, want) {
			return errors.New(out)
		}
		return nil
	})
}

func TestAProgramThatEndsByItselfFailsTheTest(t *testing.T) {
	t.Parallel()
	p, r := shell(t, "exit 3")
	start(t, p)
	if code := p.Wait(10 * time.Second); code != 3 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(r.all(), "ended by itself: exit status 3") {
		t.Errorf("failures: %s", r.all())
	}
}

func TestACommandMayEndByItself(t *testing.T) {
	t.Parallel()
	p, r := shell(t, "echo done; exit 1")
	p.Command = true
	start(t, p)
	if code := p.Wait(10 * time.Second); code != 1 || p.Output() != "done\n" || r.all() != "" {
		t.Errorf("exit code %d, output %q, failures: %s", code, p.Output(), r.all())
	}
}

func TestAProgramIsKilledFrozenAndStartedAgain(t *testing.T) {
	t.Parallel()
	p, r := shell(t, "n=0; while :; do n=$((n+1)); echo tick $n; sleep 0.01; done")
	start(t, p)
	awaitOutput(t, p, "tick 2")
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := p.Thaw(); err != nil {
		t.Fatal(err)
	}
	awaitOutput(t, p, "tick 20")
	if err := p.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := strings.Count(p.Output(), "tick 1\n")
	start(t, p)
	cluster.Eventually(t, 10*time.Second, "the script runs again", func() error {
		if strings.Count(p.Output(), "tick 1\n") == before {
			return errors.New("it does not")
		}
		return nil
	})
	if r.all() != "" {
		t.Errorf("failures: %s", r.all())
	}
}

func TestStopFailsTheTestUnlessTheExitCodeIs0(t *testing.T) {
	t.Parallel()
	for _, code := range []int{0, 4} {
		p, r := shell(t, fmt.Sprintf("trap 'exit %d' TERM; echo ready; while :; do sleep 0.01; done", code))
		start(t, p)
		awaitOutput(t, p, "ready")
		p.Stop()
		if failed := strings.Contains(r.all(), "exit code 4"); failed != (code == 4) {
			t.Errorf("exit code %d: failures: %s", code, r.all())
		}
	}
	p, _ := shell(t, "trap 'exit 5' INT; echo ready; while :; do sleep 0.01; done")
	start(t, p)
	awaitOutput(t, p, "ready")
	if code := p.EndBy(syscall.SIGINT); code != 5 {
		t.Errorf("exit code %d", code)
	}
}

func TestAPortIsFreeAndBelowThoseOfOutgoingConnections(t *testing.T) {
	t.Parallel()
	if port := cluster.FreePort(t); port < "20000" || port > "29999" || len(port) != 5 {
		t.Errorf("port %s", port)
	}
}
