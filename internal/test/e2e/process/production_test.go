package process_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

// production is a shop of several processes on the shared servers.
type production struct {
	t  *testing.T
	on cluster.Infra
	db *pgtest.DB
}

func newProduction(t *testing.T, settings ...string) *production {
	t.Helper()
	p := &production{t: t, on: cluster.SharedServers(t)}
	p.on.Env = append(append(p.on.Env, "AUTH_JWT_SECRET="+strings.Repeat("k", 32), "AUTH_TRUST_USER_HEADER=true"), settings...)
	p.db = pgtest.Open(t, p.on.DatabaseURL)
	p.commerce(0, "migrate")
	p.commerce(0, "seed", "--demo")
	return p
}

// commerce runs a command and checks its exit code.
func (p *production) commerce(want int, args ...string) string {
	p.t.Helper()
	code, out := command(p.t, p.on.Env, "commerce", args...)
	if code != want {
		p.t.Fatalf("commerce %s = %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	return out
}

// service starts a program.
func (p *production) service(name string) *cluster.Service {
	p.t.Helper()
	s := programs.NewService(p.t, name, name, p.on.Env...)
	s.Launch(p.t.Context())
	return s
}

// awaitEvents waits until all events have been sent and processed by all groups. It needs an
// API and a streamer.
func (p *production) awaitEvents() {
	p.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.on.Brokers...))
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	cluster.Eventually(p.t, 30*time.Second, "all events are processed", func() error {
		if n := p.db.Count(p.t.Context(), `SELECT COUNT(*) FROM outbox`); n > 0 {
			return fmt.Errorf("%d events wait", n)
		}
		return kafkatest.AllCaughtUp(p.t.Context(), kadm.NewClient(client), p.on.Prefix)
	})
}

func TestTwoOfEachProgramSurviveTheLossOfOne(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	first := p.service("commerce-api") // relays the outbox: it started first
	second := p.service("commerce-api").Client()
	streamer := p.service("commerce-streamer")
	p.service("commerce-streamer")

	order(t, first.Client(), "ann", 7, 1)
	awaitFirst(t, second, 7)

	kill(t, first.Program)
	kill(t, streamer.Program)
	second.Must(t, http.StatusNoContent, apiclient.Like("bob", 8), nil)
	order(t, second, "bob", 8, 10)
	awaitFirst(t, second, 8)

	p.commerce(0, "verify", "--wait", "30s")
	p.commerce(0, "ranking", "verify")
}

func TestSIGTERMLosesNoAnsweredOrder(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	api, streamer := p.service("commerce-api"), p.service("commerce-streamer")
	order(t, api.Client(), "ann", 7, 1)
	awaitFirst(t, api.Client(), 7) // Kafka may need some seconds for new topics
	for i := range int64(10) {
		order(t, api.Client(), "cho", 25, i+1)
	}
	api.Stop()
	// The API stops the relay after the last request: every event has been sent.
	out := p.commerce(0, "verify", "--wait", "30s")
	if !strings.Contains(out, "outbox") {
		t.Errorf("verify does not mention the outbox:\n%s", out)
	}
	streamer.Stop()
}

func TestVerifyNamesWhatWasChangedInTheDatabase(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	api := p.service("commerce-api").Client()
	p.service("commerce-streamer")
	p.awaitEvents() // an event of the seed that comes later would drop the product from Redis
	order(t, api, "ann", 7, 1)
	api.Must(t, http.StatusNoContent, apiclient.Like("ann", 7), nil)
	awaitFirst(t, api, 7)
	for _, path := range []string{"/api/v1/products/7", "/api/v1/products"} { // into Redis
		api.Must(t, http.StatusOK, apiclient.Get("", path), nil)
	}
	if out := p.commerce(0, "verify", "--cache", "--wait", "30s"); !strings.Contains(out, "cache") {
		t.Errorf("verify does not mention the cache:\n%s", out)
	}

	p.db.Update(t.Context(), `UPDATE products SET price = price + 1 WHERE id = 7`) // without a version
	p.db.Update(t.Context(), `UPDATE stocks SET quantity = quantity + 5 WHERE product_id = 7`)
	p.db.Update(t.Context(), `UPDATE wallets SET balance = balance - 1 WHERE user_id = (SELECT id FROM users WHERE login_id = 'ann')`)
	p.db.Update(t.Context(), `UPDATE product_likes SET like_count = 40 WHERE product_id = 7`)
	p.db.Update(t.Context(), `UPDATE product_metrics SET quantity = 9, views = 1000000 WHERE product_id = 7`)
	out := p.commerce(1, "verify", "--cache", "--wait", "300ms", "--json")
	var results []struct {
		Check       string
		Differences []struct {
			Subject   string
			Want, Got int64
		}
		Texts []struct{ Subject, What, Want, Got string }
	}
	_, list, _ := strings.Cut(out, "[") // log lines may come first
	if err := json.Unmarshal([]byte("["+list), &results); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wrong := map[string]string{}
	for _, r := range results {
		for _, d := range r.Differences {
			wrong[r.Check] += fmt.Sprintf("%s want %d got %d;", d.Subject, d.Want, d.Got)
		}
		for _, d := range r.Texts {
			wrong[r.Check] += fmt.Sprintf("%s %s want %s got %s;", d.Subject, d.What, d.Want, d.Got)
		}
	}
	for check, want := range map[string]string{
		"stock": "product 7 want 199 got 204", "points": "got 481499", "likes": "product 7 want 1 got 40",
		"sales": "want 1 got 9", "ranking": "product 7", "cache": "product 7 price want ",
	} {
		if !strings.Contains(wrong[check], want) {
			t.Errorf("%s: %q does not say %q", check, wrong[check], want)
		}
	}
}

// kcat knows nothing of the shop: any consumer must be able to read the events.
func TestAnyConsumerCanReadTheEventsAsCloudEvents(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	id := order(t, p.service("commerce-api").Client(), "ann", 7, 2)
	var records []record
	cluster.Eventually(t, 30*time.Second, "kcat reads the order's events", func() error {
		var err error
		if records, err = p.kcat(); err == nil && len(records) < 2 {
			err = fmt.Errorf("%d records of 2", len(records))
		}
		return err
	})
	for i, kind := range []string{"order.placed", "order.paid"} {
		r := records[i]
		for name, want := range map[string]string{
			"ce_type": kind, "ce_specversion": "1.0", "ce_source": "/commerce", "ce_sequence": fmt.Sprintf("%019d", i+1),
			"content-type": "application/json", "ce_subject": id, "ce_traceparent": r.header("traceparent"),
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
		if r.Key != id || !strings.Contains(r.Payload, `"lines":[{"productId":7,"quantity":2,"unitPrice":18500}]`) {
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
	out, err := exec.CommandContext(p.t.Context(), "kcat", "-b", p.on.Brokers[0], "-t", p.on.Prefix+"order-events", "-C", "-J", "-e", "-q").Output()
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
