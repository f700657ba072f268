package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
)

// program is a built program that serves HTTP.
type program struct {
	cmd      *exec.Cmd
	output   bytes.Buffer
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

// bareProgram writes the source of a program that only answers, and returns its path.
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

func startBare(b *testing.B, bare string) *program {
	b.Helper()
	address := freeAddress(b)
	return start(b, address, "/", bare, address)
}

func startShop(b *testing.B, shop, folder string) *program {
	b.Helper()
	address := freeAddress(b)
	_, port, _ := strings.Cut(address, ":")
	return start(b, address, "/api/v1/products?size=1", shop, "dev", "--data", folder, "--port", port, "--management-port", "0", "--gateway-port", "0", "--log-level", "warn")
}

func freeAddress(b *testing.B) string {
	b.Helper()
	l, _ := servicetest.Listen(b)
	defer l.Close()
	return l.Addr().String()
}

// start starts a program and waits for its first answer.
func start(b *testing.B, address, path, name string, args ...string) *program {
	b.Helper()
	p := &program{url: "http://" + address}
	p.cmd = exec.CommandContext(context.WithoutCancel(b.Context()), name, args...)
	p.cmd.Env = []string{"HOME=" + b.TempDir()}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
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

// took returns the time to the first answer in milliseconds.
func (p *program) took() float64 { return p.answered.Seconds() * 1000 }

func (p *program) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it was killed
	}
}

func (p *program) stopped() string {
	p.kill()
	return p.output.String()
}

// stop sends SIGTERM.
func (p *program) stop(b *testing.B) {
	b.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		b.Fatalf("it ended with %v\n%s", err, p.output.String())
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

// must sends a request that must be answered with 200, and decodes the answer into v,
// unless v is nil.
func (p *program) must(b *testing.B, c *http.Client, q apiclient.Request, v any) {
	b.Helper()
	apiclient.Client{URL: p.url, HTTP: c}.Must(b, http.StatusOK, q, v)
}

// balances returns the sum of the customers' points.
func (p *program) balances(b *testing.B, c *http.Client) (sum int64) {
	b.Helper()
	for _, customer := range devCustomers {
		var wallet apiclient.Wallet
		p.must(b, c, apiclient.Points(customer), &wallet)
		sum += wallet.Balance
	}
	return sum
}
