package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is a built program that serves HTTP.
type program struct {
	cmd      *exec.Cmd
	said     bytes.Buffer
	url      string
	answered time.Duration // from exec to the first answer
}

// build builds a program into the folder.
func build(b *testing.B, dir, source string) (path string) {
	b.Helper()
	path = filepath.Join(dir, strings.TrimSuffix(filepath.Base(source), ".go"))
	out, err := exec.CommandContext(b.Context(), "go", "build", "-o", path, source).CombinedOutput()
	if err != nil {
		b.Fatalf("go build %s: %v\n%s", source, err, out)
	}
	return path
}

// bareProgram is the source of a program that does nothing but answer.
func bareProgram(b *testing.B) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "bare.go")
	err := os.WriteFile(path, []byte(`package main

import (
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	panic(http.ListenAndServe(os.Args[1], nil))
}
`), 0o600)
	if err != nil {
		b.Fatal(err)
	}
	return path
}

func openAnswer(b *testing.B, bare string) *program {
	b.Helper()
	address := freeAddress(b)
	return start(b, address, "/", bare, address)
}

func openShop(b *testing.B, shop, folder string) *program {
	b.Helper()
	address := freeAddress(b)
	_, port, _ := strings.Cut(address, ":")
	return start(b, address, "/api/v1/products?size=1", shop, "dev", "--data", folder, "--port", port, "--management-port", "0", "--gateway-port", "0", "--log-level", "warn")
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l := loopback(b)
	defer l.Close()
	return l.Addr().String()
}

// start starts a program and asks it until it answers.
func start(b *testing.B, address, path, name string, args ...string) *program {
	b.Helper()
	p := &program{url: "http://" + address}
	p.cmd = exec.CommandContext(context.WithoutCancel(b.Context()), name, args...)
	p.cmd.Env = []string{"HOME=" + b.TempDir()}
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.kill)
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		res, err := c.Get(p.url + path)
		if err == nil {
			_ = res.Body.Close()
		}
		p.answered = time.Since(begun)
		if err == nil && res.StatusCode == http.StatusOK {
			return p
		}
		if p.answered > 20*time.Second {
			b.Fatalf("%s does not answer: %v\n%s", name, err, p.stopped())
		}
		time.Sleep(time.Millisecond)
	}
}

// took is the time to the first answer in milliseconds.
func (p *program) took() float64 { return p.answered.Seconds() * 1000 }

func (p *program) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // killed
	}
}

func (p *program) stopped() string {
	p.kill()
	return p.said.String()
}

// stop asks the program to end.
func (p *program) stop(b *testing.B) {
	b.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		b.Fatalf("it ended with %v\n%s", err, p.said.String())
	}
}

// memory returns a figure of /proc in MiB.
func (p *program) memory(b *testing.B, name string) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Fatalf("the memory of a process is in /proc, on Linux: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		var kib float64
		if _, err := fmt.Sscanf(line, name+": %f kB", &kib); err == nil {
			return kib / 1024
		}
	}
	b.Fatalf("no %s in:\n%s", name, text)
	return 0
}

// must posts in the name of a user and wants the status.
func (p *program) must(b *testing.B, c *http.Client, who string, status int, path, body string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, p.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-USER-ID", who)
	if err := expect(c, r, status); err != nil {
		b.Fatal(err)
	}
}

// purses is how much the customers have together.
func (p *program) purses(b *testing.B, c *http.Client) (sum int64) {
	b.Helper()
	for _, customer := range devCustomers {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, p.url+"/api/v1/points", http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("X-USER-ID", customer)
		res, err := c.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		var purse struct{ Balance int64 }
		err = json.NewDecoder(res.Body).Decode(&purse)
		_ = res.Body.Close() // it was read
		if err != nil {
			b.Fatal(err)
		}
		sum += purse.Balance
	}
	return sum
}
