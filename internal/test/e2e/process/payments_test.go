package process_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const cardOrder = `{"items":[{"productId":7,"quantity":1}],"points":500,"payment":{"method":"CARD","cardType":"KB","cardNo":"1234-5678-9814-1451"}}`

// office is where an operator sits: the commands, beside a shop in one process.
type office struct {
	t   *testing.T
	env []string
}

// run runs a command and checks its exit code.
func (o office) run(want int, args ...string) string {
	o.t.Helper()
	code, out := command(o.t, o.env, "commerce", args...)
	if code != want {
		o.t.Fatalf("commerce %s = %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	return out
}

// office is where the operator sits of a shop that tells where its gateway is.
func (p *process) office(t *testing.T, data string) office {
	t.Helper()
	gateway := regexp.MustCompile(`GATEWAY_URL=(\S+)`).FindString(p.welcome(t))
	return office{t, []string{"DATABASE_URL=sqlite:" + filepath.Join(data, "shop.db"), gateway}}
}

func (d door) orderStatus(t *testing.T, who, order string) string {
	t.Helper()
	var o struct{ Status string }
	d.must(t, http.StatusOK, who, http.MethodGet, "/api/v1/orders/"+order, "", &o)
	return o.Status
}

func TestAnOperatorEndsWhatTheGatewayDoesNot(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, d := dev(t, data, "GATEWAY_SCENARIO=down")
	desk := p.office(t, data)
	var lost, paid struct{ ID string }
	d.must(t, http.StatusCreated, "ann", http.MethodPost, "/api/v1/orders", cardOrder, &lost)
	d.must(t, http.StatusCreated, "bob", http.MethodPost, "/api/v1/orders", cardOrder, &paid)

	out := desk.run(0, "payments", "list")
	header, row, _ := strings.Cut(out, "\n")
	if i := strings.Index(header, "STATUS"); i < 0 || !strings.HasPrefix(row[i:], "PENDING") || !strings.Contains(out, lost.ID) || !strings.Contains(out, "2 payments wait") {
		t.Errorf("the columns do not line up, or something is missing:\n%s", out)
	}
	if out := desk.run(0, "payments", "list", "--older-than=1h"); strings.Contains(out, lost.ID) {
		t.Errorf("a new payment is an hour old:\n%s", out)
	}
	if out := desk.run(1, "payments", "recheck", lost.ID); !strings.Contains(out, "gateway does not answer") {
		t.Errorf("recheck does not say why not:\n%s", out)
	}
	if out := desk.run(1, "verify", "--no-board", "--gateway", "--wait=100ms"); !strings.Contains(out, "gateway does not answer") {
		t.Errorf("verify does not say why not:\n%s", out)
	}
	desk.run(0, "payments", "settle", lost.ID, "DECLINED", "--reason=told by phone", "--actor=zoe")
	desk.run(0, "payments", "settle", paid.ID, "approved", "--reason=told by phone", "--transaction-key=BANK:7")
	if out := desk.run(1, "payments", "settle", paid.ID, "declined", "--reason=no"); !strings.Contains(out, "APPROVED already") {
		t.Errorf("a second word:\n%s", out)
	}
	if l, b := d.orderStatus(t, "ann", lost.ID), d.orderStatus(t, "bob", paid.ID); l != "FAILED" || b != "PAID" {
		t.Errorf("the orders are %s and %s", l, b)
	}
	desk.keepsWhoSaidSo(lost.ID)
}

// keepsWhoSaidSo demands that the history names who ended a payment, and why.
func (o office) keepsWhoSaidSo(order string) {
	o.t.Helper()
	var seen struct {
		Payment struct{ Status string }
		Order   struct{ Status string }
		History []struct {
			At                  time.Time
			What, Detail, Actor string
		}
	}
	if err := json.Unmarshal([]byte(o.run(0, "payments", "show", order, "--json")), &seen); err != nil {
		o.t.Fatal(err)
	}
	found := false
	for _, n := range seen.History {
		found = found || n.What == "BY_HAND" && n.Actor == "zoe" && n.Detail == "told by phone" && time.Since(n.At) < time.Minute
	}
	if !found || seen.Payment.Status != "DECLINED" || seen.Order.Status != "FAILED" {
		o.t.Errorf("seen: %+v", seen)
	}
	if out := o.run(0, "payments", "show", order); !strings.Contains(out, "zoe") || !strings.Contains(out, "told by phone") {
		o.t.Errorf("show has no word of it:\n%s", out)
	}
}

// What the shop and its gateway agree about is right; what a gateway that has
// forgotten everything says is not.
func TestVerifyComparesTheBooksWithTheGateways(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p, d := dev(t, data, "GATEWAY_SCENARIO=healthy")
	desk := p.office(t, data)
	var o struct{ ID string }
	d.must(t, http.StatusCreated, "ann", http.MethodPost, "/api/v1/orders", cardOrder, &o)
	eventually(t, 30*time.Second, "the order is paid", func() error {
		if s := d.orderStatus(t, "ann", o.ID); s != "PAID" {
			return fmt.Errorf("it is %s", s)
		}
		return nil
	})
	desk.run(0, "payments", "recheck", o.ID)
	out := desk.run(0, "verify", "--no-board", "--gateway", "--wait=20s")
	for _, want := range []string{"coupons", "payments", "charges", "gateway"} {
		if !strings.Contains(out, want) {
			t.Errorf("verify does not speak of %s:\n%s", want, out)
		}
	}
	if strings.ContainsAny(out, "\r\x1b") {
		t.Errorf("a spinner is drawn where nobody watches:\n%q", out)
	}
	port := freePort(t)
	start(t, []string{"MANAGEMENT_PORT=0", "PORT=" + port}, "pg-simulator")
	desk.env[1] = "GATEWAY_URL=http://127.0.0.1:" + port
	eventually(t, 20*time.Second, "the difference is named", func() error {
		code, out := command(t, desk.env, "commerce", "verify", "--no-board", "--gateway", "--wait=10ms")
		if code != 1 || !strings.Contains(out, o.ID) || !regexp.MustCompile(`won that the gateway keeps.* 18000 +0\b`).MatchString(out) {
			return fmt.Errorf("verify = %d\n%s", code, out)
		}
		return nil
	})
}

func TestWhatPaymentsAreToldIsComplainedAboutAtOnce(t *testing.T) {
	t.Parallel()
	const some = "01920000-0000-7000-8000-000000000000"
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"list", "--status=LOST"}, []string{"--status", "PENDING"}},
		{[]string{"list", "--older-than=old", "--limit=0"}, []string{"OLDER_THAN", "LIMIT", "DATABASE_URL"}},
		{[]string{"show"}, []string{"<id>"}},
		{[]string{"show", "5"}, []string{"<id>"}},
		{[]string{"recheck", some}, []string{"GATEWAY_URL", "DATABASE_URL"}},
		{[]string{"settle", some, "approved"}, []string{"--reason"}},
		{[]string{"settle", some, "approved", "--reason= "}, []string{"--reason", "--transaction-key", "DATABASE_URL"}},
		{[]string{"settle", some, "lost", "--reason=x"}, []string{"<outcome>", "DECLINED"}},
	} {
		code, out := command(t, nil, "commerce", append([]string{"payments"}, c.args...)...)
		if code != 2 {
			t.Errorf("%v = %d\n%s", c.args, code, out)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no word of %s in:\n%s", c.args, want, out)
			}
		}
	}
	if code, out := command(t, nil, "commerce", "verify", "--gateway"); code != 2 || !strings.Contains(out, "GATEWAY_URL") {
		t.Errorf("verify = %d\n%s", code, out)
	}
	env := []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/shop.db"}
	if code, out := command(t, env, "commerce", "migrate"); code != 0 {
		t.Fatal(out)
	}
	if code, out := command(t, env, "commerce", "payments", "show", some); code != 1 || !strings.Contains(out, "no such payment") {
		t.Errorf("show of nothing = %d\n%s", code, out)
	}
}
