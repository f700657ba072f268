package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// production is a shop of several processes on the real servers.
type production struct {
	t       *testing.T
	env     []string
	brokers string
	prefix  string
}

func newProduction(t *testing.T) *production {
	t.Helper()
	brokers, prefix := kafkatest.Real(t)
	keys := redistest.Real(t, time.Now).Prefix
	p := &production{t: t, brokers: strings.Join(brokers, ","), prefix: prefix, env: []string{
		"DATABASE_URL=" + storetest.Schema(t), "KAFKA_BROKERS=" + strings.Join(brokers, ","), "KAFKA_TOPIC_PREFIX=" + prefix,
		"REDIS_URL=" + os.Getenv("TEST_REDIS_URL"), "REDIS_KEY_PREFIX=" + keys, "MANAGEMENT_PORT=0",
		"AUTH_JWT_SECRET=" + strings.Repeat("k", 32), "AUTH_TRUST_USER_HEADER=true", "HOST=127.0.0.1",
	}}
	p.commerce(0, "migrate")
	p.commerce(0, "seed", "--demo")
	return p
}

// commerce runs a command and checks its exit code.
func (p *production) commerce(want int, args ...string) string {
	p.t.Helper()
	code, out := command(p.t, p.env, "commerce", args...)
	if code != want {
		p.t.Fatalf("commerce %s = %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	return out
}

func (p *production) api() (*process, door) {
	p.t.Helper()
	port := freePort(p.t)
	process := start(p.t, append([]string{"PORT=" + port}, p.env...), "commerce-api")
	d := at(port)
	d.awaitOpen(p.t)
	return process, d
}

func TestTwoOfEachProgramOutliveTheLossOfOne(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	first, one := p.api() // relays: it came first
	_, two := p.api()
	dying := start(t, p.env, "commerce-streamer")
	start(t, p.env, "commerce-streamer")

	one.must(t, http.StatusCreated, "ann", http.MethodPost, "/api/v1/orders", `{"items":[{"productId":7,"quantity":1}]}`, nil)
	two.awaitFirst(t, 7)

	first.kill()
	dying.kill()
	two.must(t, http.StatusNoContent, "bob", http.MethodPost, "/api/v1/products/8/likes", "", nil)
	two.must(t, http.StatusCreated, "bob", http.MethodPost, "/api/v1/orders", `{"items":[{"productId":8,"quantity":10}]}`, nil)
	two.awaitFirst(t, 8)

	p.commerce(0, "verify", "--wait", "30s")
	p.commerce(0, "ranking", "verify")
}

func TestSIGTERMLosesNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	api, d := p.api()
	stream := start(t, p.env, "commerce-streamer")
	for i := range 10 {
		d.must(t, http.StatusCreated, "cho", http.MethodPost, "/api/v1/orders", fmt.Sprintf(`{"items":[{"productId":25,"quantity":%d}]}`, i+1), nil)
	}
	if code := api.stop(t); code != 0 {
		t.Errorf("commerce-api: exit code %d\n%s", code, api.said())
	}
	// The relay was told after the requests: what was answered has left.
	out := p.commerce(0, "verify", "--wait", "30s")
	if !strings.Contains(out, "outbox") {
		t.Errorf("verify does not speak of the outbox:\n%s", out)
	}
	if code := stream.stop(t); code != 0 {
		t.Errorf("commerce-streamer: exit code %d\n%s", code, stream.said())
	}
}

func TestVerifyNamesWhatWasChangedByHand(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	_, d := p.api()
	start(t, p.env, "commerce-streamer")
	d.must(t, http.StatusCreated, "ann", http.MethodPost, "/api/v1/orders", `{"items":[{"productId":7,"quantity":1}]}`, nil)
	d.must(t, http.StatusNoContent, "ann", http.MethodPost, "/api/v1/products/7/likes", "", nil)
	d.awaitFirst(t, 7)
	p.commerce(0, "verify", "--wait", "30s")

	p.sql(`UPDATE stocks SET quantity = quantity + 5 WHERE product_id = 7`)
	p.sql(`UPDATE wallets SET balance = balance - 1 WHERE user_id = (SELECT id FROM users WHERE login_id = 'ann')`)
	p.sql(`UPDATE products SET like_count = 40 WHERE id = 7`)
	p.sql(`UPDATE product_metrics SET quantity = 9, views = 1000000 WHERE product_id = 7`)
	out := p.commerce(1, "verify", "--wait", "300ms", "--json")
	var results []struct {
		Check       string
		Differences []struct {
			Subject   string
			Want, Got int64
		}
	}
	_, list, _ := strings.Cut(out, "[") // ahead of it the log may speak
	if err := json.Unmarshal([]byte("["+list), &results); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wrong := map[string]string{}
	for _, r := range results {
		for _, d := range r.Differences {
			wrong[r.Check] += fmt.Sprintf("%s want %d got %d;", d.Subject, d.Want, d.Got)
		}
	}
	for check, want := range map[string]string{
		"stock": "product 7 want 199 got 204", "points": "got 481499", "likes": "product 7 want 1 got 40",
		"sales": "want 1 got 9", "ranking": "product 7",
	} {
		if !strings.Contains(wrong[check], want) {
			t.Errorf("%s: %q does not say %q", check, wrong[check], want)
		}
	}
}

func (p *production) sql(statement string) {
	p.t.Helper()
	address, _ := strings.CutPrefix(p.env[0], "DATABASE_URL=")
	c, err := pgx.Connect(p.t.Context(), address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(p.t.Context()))
	if tag, err := c.Exec(p.t.Context(), statement); err != nil || tag.RowsAffected() != 1 {
		p.t.Fatalf("%s: %v, %v", statement, tag, err)
	}
}

// A foreign consumer must be able to read the events: kcat knows nothing of us.
func TestAForeignConsumerReadsCloudEvents(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	_, d := p.api()
	var order struct{ ID string }
	d.must(t, http.StatusCreated, "ann", http.MethodPost, "/api/v1/orders", `{"items":[{"productId":7,"quantity":2}]}`, &order)
	var records []record
	eventually(t, 30*time.Second, "kcat reads the order's events", func() error {
		var err error
		if records, err = p.kcat(); err == nil && len(records) < 2 {
			err = errors.New("not all are there yet")
		}
		return err
	})
	for i, kind := range []string{"order.placed", "order.paid"} {
		r := records[i]
		for name, want := range map[string]string{
			"ce_type": kind, "ce_specversion": "1.0", "ce_source": "/commerce", "ce_sequence": fmt.Sprint(i + 1),
			"content-type": "application/json",
		} {
			if got := r.header(name); got != want {
				t.Errorf("%s: %s = %q, want %q", kind, name, got, want)
			}
		}
		if at, err := time.Parse(time.RFC3339Nano, r.header("ce_time")); err != nil || time.Since(at) > time.Hour {
			t.Errorf("%s: ce_time = %q", kind, r.header("ce_time"))
		}
		if len(r.header("ce_id")) != 36 || len(r.header("traceparent")) != 55 {
			t.Errorf("%s: ce_id = %q, traceparent = %q", kind, r.header("ce_id"), r.header("traceparent"))
		}
		if r.Key != order.ID || !strings.Contains(r.Payload, `"lines":[{"productId":7,"quantity":2,"unitPrice":18500}]`) {
			t.Errorf("%s: key %s, payload %s", kind, r.Key, r.Payload)
		}
	}
}

// record is one line of kcat -J.
type record struct {
	Key, Payload string
	Headers      []string // name, value, name, value, ...
}

func (r record) header(name string) string {
	for i := 0; i+1 < len(r.Headers); i += 2 {
		if r.Headers[i] == name {
			return r.Headers[i+1]
		}
	}
	return ""
}

func (p *production) kcat() ([]record, error) {
	out, err := exec.CommandContext(p.t.Context(), "kcat", "-b", p.brokers, "-t", p.prefix+"order-events", "-C", "-J", "-e", "-q").Output()
	if err != nil {
		return nil, fmt.Errorf("kcat (run `make services`): %w", err)
	}
	var records []record
	for line := range strings.Lines(string(out)) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}
