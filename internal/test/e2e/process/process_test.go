package process_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// bin is where the programs were built.
var bin string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "commerce-bin-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", dir, "../../../../cmd/...").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	bin = dir
	return m.Run()
}

// process is a program that runs.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	out bytes.Buffer // standard output and error
}

// Write implements io.Writer.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// start starts a program with an environment of its own; it is killed, if it
// still runs, when the test ends.
func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{done: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(bin, name), args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append([]string{"HOME=" + t.TempDir()}, env...), p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.said())
		}
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop asks the process to stop and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.wait(t)
}

func (p *process) wait(t *testing.T) int {
	t.Helper()
	return p.waitFor(t, 30*time.Second)
}

func (p *process) waitFor(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		t.Fatalf("it did not stop:\n%s", p.said())
	}
	return p.cmd.ProcessState.ExitCode()
}

// command runs a program to its end and returns its exit code and output.
func command(t *testing.T, env []string, name string, args ...string) (code int, out string) {
	t.Helper()
	p := start(t, env, name, args...)
	return p.wait(t), p.said()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert,errcheck // it listens on TCP
}

// eventually calls try until it succeeds, and fails the test if it has not within limit.
func eventually(t *testing.T, limit time.Duration, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		if !backoff.Wait(ctx, 10*time.Millisecond) {
			t.Fatalf("not within %v: %s: %v", limit, what, err)
		}
	}
}

// door is an API that listens.
type door string

func at(port string) door { return door("http://127.0.0.1:" + port) }

// ask returns the status and decodes the body into v, unless v is nil.
func (d door) ask(ctx context.Context, who, method, path, body string, v any) (int, error) {
	r, err := http.NewRequestWithContext(ctx, method, string(d)+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("X-USER-ID", who)
	r.Header.Set("Content-Type", "application/json")
	if method == http.MethodPost {
		r.Header.Set("Idempotency-Key", fmt.Sprintf("%x", sha256.Sum256([]byte(who+path+body))))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || v == nil {
		return res.StatusCode, err
	}
	return res.StatusCode, json.Unmarshal(text, v)
}

func (d door) must(t *testing.T, status int, who, method, path, body string, v any) {
	t.Helper()
	got, err := d.ask(t.Context(), who, method, path, body, v)
	if err != nil || got != status {
		t.Fatalf("%s %s = %d, %v; want %d", method, path, got, err, status)
	}
}

// awaitOpen waits until the API answers.
func (d door) awaitOpen(t *testing.T) {
	t.Helper()
	eventually(t, 20*time.Second, "the API answers", func() error {
		status, err := d.ask(t.Context(), "", http.MethodGet, "/api/v1/products?size=1", "", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}

// awaitFirst waits until the product is on rank 1, and shows so itself.
func (d door) awaitFirst(t *testing.T, product int64) {
	t.Helper()
	eventually(t, 30*time.Second, "the ranking shows the product", func() error {
		var got struct {
			Items []struct{ Product struct{ ID int64 } }
		}
		if _, err := d.ask(t.Context(), "", http.MethodGet, "/api/v1/rankings?period=daily", "", &got); err != nil {
			return err
		}
		if len(got.Items) == 0 || got.Items[0].Product.ID != product {
			return fmt.Errorf("ranking: %+v", got)
		}
		var p struct{ Rank *int64 }
		if _, err := d.ask(t.Context(), "", http.MethodGet, fmt.Sprintf("/api/v1/products/%d", product), "", &p); err != nil {
			return err
		}
		if p.Rank == nil || *p.Rank != 1 {
			return errors.New("the product does not show its rank")
		}
		return nil
	})
}
