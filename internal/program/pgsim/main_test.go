package pgsim_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	simulator "github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/pgsim"
)

func run(env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, bad strings.Builder
	code = pgsim.Main(args, func(name string) string { return env[name] }, &out, &bad)
	return code, out.String(), bad.String()
}

func TestHelpDescribesEveryFault(t *testing.T) {
	t.Parallel()
	code, out, _ := run(nil, "--help")
	text, err := json.Marshal(simulator.Faults{})
	if err != nil || code != 0 {
		t.Fatalf("%d, %v", code, err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil || len(fields) < 30 {
		t.Fatalf("%d fields, %v", len(fields), err)
	}
	for field := range fields {
		variable := strings.ToUpper(regexp.MustCompile("[A-Z]").ReplaceAllString(field, "_$0"))
		if !strings.Contains(out, "["+variable+"]") {
			t.Errorf("%s is missing", variable)
		}
	}
	for _, want := range []string{"--refuse-rate=0.4", "--settle-delay-max=5s", "--down=no", "--seed", "--data=FILE", "--secret", "--scenario", "8087"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestAllErrorsOfTheCommandLineAreReported(t *testing.T) {
	t.Parallel()
	code, _, bad := run(map[string]string{"SECRET": "whsec_hush", "LIMIT_RATE": "1.5"},
		"--seed=random", "--port=8087", "--refuse-rate=often", "--settle-delay-min=soon", "--callback-attempts=0", "--down=maybe", "--senders=0")
	for _, want := range []string{
		"--seed (SEED)", "--secret (SECRET)", "must differ", "--refuse-rate (REFUSE_RATE): must be", "--limit-rate (LIMIT_RATE): must be",
		"--settle-delay-min (SETTLE_DELAY_MIN): must", "--callback-attempts (CALLBACK_ATTEMPTS): must", "--down (DOWN): must", "--senders (SENDERS)",
	} {
		if code != 2 || !strings.Contains(bad, want) {
			t.Errorf("%d: %s is missing in\n%s", code, want, bad)
		}
	}
	if strings.Contains(bad, "hush") {
		t.Errorf("the error contains the secret:\n%s", bad)
	}
	if code, _, bad := run(nil, "--scenario=calm"); code != 2 || !strings.Contains(bad, "healthy, default, slow") {
		t.Errorf("%d: %s", code, bad)
	}
	if code, _, bad := run(nil, "--settle-delay-min=10s"); code != 2 || !strings.Contains(bad, "must not be above --settle-delay-max") {
		t.Errorf("%d: %s", code, bad)
	}
}

// program is a running pg-simulator process.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	at   string
	mu   sync.Mutex
	log  bytes.Buffer
	done chan struct{}
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pg-simulator")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../../cmd/pg-simulator").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// launch starts the program and waits until it logs its address.
func launch(t *testing.T, path string, args ...string) *program {
	t.Helper()
	p := &program{t: t, done: make(chan struct{})}
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), path,
		append([]string{"--port=0", "--management-port=0", "--log-format=json"}, args...)...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	found := make(chan string, 1)
	go p.listen(stderr, found)
	select {
	case p.at = <-found:
	case <-p.done:
		t.Fatalf("it exited: %s", p.output())
	case <-time.After(time.Minute):
		t.Fatalf("it did not start: %s", p.output())
	}
	return p
}

func (p *program) listen(stderr io.Reader, found chan<- string) {
	defer close(p.done)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		p.mu.Lock()
		p.log.Write(append(lines.Bytes(), '\n'))
		p.mu.Unlock()
		var said struct{ Msg, At string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "the gateway is listening" {
			found <- said.At
		}
	}
}

func (p *program) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *program) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.cmd.Wait()
}

// totals reads the totals.
func (p *program) totals() (got simulator.Totals) {
	p.t.Helper()
	p.read("/admin/totals", &got)
	return got
}

func (p *program) read(path string, into any) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.at+path, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		p.t.Fatal(err)
	}
}

// sendRequests requests charges until stop is closed and returns the keys of the accepted ones.
func (p *program) sendRequests(stop <-chan struct{}, callback string, from int) (keys []string) {
	client := simulator.DefaultClient(4)
	defer client.CloseIdleConnections()
	for n := from; ; n++ {
		select {
		case <-stop:
			return keys
		default:
		}
		a := pgwire.Request{
			OrderID: fmt.Sprintf("order-%d", n), CardType: "KB", CardNo: "1234-5678-9814-1451", Amount: 3, CallbackURL: callback,
		}
		text, err := json.Marshal(a)
		if err != nil {
			return keys
		}
		r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.at+pgwire.PaymentsPath, bytes.NewReader(text))
		if err != nil {
			return keys
		}
		r.Header.Set(pgwire.UserHeader, "ann")
		answer, err := client.Do(r)
		if err != nil {
			return keys // the program was killed
		}
		var got pgwire.Answer[pgwire.Transaction]
		if err := json.NewDecoder(answer.Body).Decode(&got); err == nil && got.Data != nil {
			keys = append(keys, got.Data.TransactionKey)
		}
		_ = answer.Body.Close()
	}
}

func TestKillNineLosesNoAcceptedTransaction(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer shop.Close()
	path, data := build(t), filepath.Join(t.TempDir(), "gateway.jsonl")
	args := []string{
		"--scenario=healthy", "--data=" + data, "--seed=1",
		"--request-delay-min=0s", "--request-delay-max=0s", "--settle-delay-min=0s", "--settle-delay-max=20ms",
	}
	var accepted []string
	for run := range 4 {
		p := launch(t, path, args...)
		stop := make(chan struct{})
		keys := make(chan []string, 4)
		for i := range 4 {
			go func() { keys <- p.sendRequests(stop, shop.URL, (run*4+i)*1_000_000) }()
		}
		for p.totals().Charged < int64(1500*(run+1)) { // while requests are running
			time.Sleep(time.Millisecond)
		}
		p.kill()
		close(stop)
		for range 4 {
			accepted = append(accepted, <-keys...)
		}
	}
	p := launch(t, path, args...)
	for p.totals().ByStatus[pgwire.Pending] > 0 {
		time.Sleep(time.Millisecond)
	}
	p.checkAll(accepted)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, p.output())
	}
}

// checkAll checks that every accepted transaction is stored and charged once, and that the totals match.
func (p *program) checkAll(accepted []string) {
	p.t.Helper()
	var sum int64
	status := map[string]pgwire.Status{}
	for after := 0; ; {
		var got struct {
			Items []simulator.Charge `json:"items"`
			Next  *int               `json:"next"`
		}
		p.read(fmt.Sprintf("/admin/transactions?size=1000&after=%d", after), &got)
		for _, c := range got.Items {
			status[c.TransactionKey] = c.Status
			sum += c.Charged
		}
		if got.Next == nil {
			break
		}
		after = *got.Next
	}
	for _, key := range accepted {
		if status[key] != pgwire.Success {
			p.t.Errorf("%s was accepted, its status is %q", key, status[key])
		}
	}
	if got := p.totals(); got.Charged != sum || sum != int64(3*len(status)) {
		p.t.Errorf("%+v, the sum is %d of %d transactions", got, sum, len(status))
	}
	p.t.Logf("%d accepted in 4 runs, %d stored", len(accepted), len(status))
}

func TestOptionsOverrideTheScenario(t *testing.T) {
	t.Parallel()
	p := launch(t, build(t), "--scenario=flaky", "--refuse-rate=0", "--settle-delay-max=7s", "--ignore-idempotency-key", "--down=unavailable")
	want, _ := simulator.Scenario("flaky")
	want.RefuseRate, want.SettleDelayMax, want.IgnoreIdempotencyKey, want.Down = 0, simulator.Duration(7*time.Second), true, simulator.DownUnavailable
	var got simulator.Faults
	p.read("/admin/faults", &got)
	if got != want {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if !strings.Contains(p.output(), `"seed":`) {
		t.Errorf("the seed is not logged: %s", p.output())
	}
}
