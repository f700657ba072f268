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

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// operator runs the commands, beside a shop in one process.
type operator struct {
	t   *testing.T
	env []string
}

// run runs a command and checks its exit code.
func (o operator) run(want int, args ...string) string {
	o.t.Helper()
	code, out := command(o.t, o.env, "commerce", args...)
	if code != want {
		o.t.Fatalf("commerce %s = %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	return out
}

// operatorOf returns the operator of a shop, whose output names its gateway.
func operatorOf(t *testing.T, shop *cluster.Program, data string) operator {
	t.Helper()
	gateway := regexp.MustCompile(`GATEWAY_URL=(\S+)`).FindString(banner(t, shop))
	return operator{t, []string{"DATABASE_URL=sqlite:" + filepath.Join(data, "shop.db"), gateway}}
}

// cardOrder places an order paid by card and points, and returns its id.
func cardOrder(t *testing.T, api apiclient.Client, user string) string {
	t.Helper()
	o := apiclient.Buy(7, 1)
	o.Points, o.Card = 500, &apiclient.Card{Type: "KB", Number: "1234-5678-9814-1451"}
	var placed apiclient.Order
	api.Must(t, http.StatusCreated, o.Request(user, "card-"+user), &placed)
	return placed.ID
}

func orderStatus(t *testing.T, api apiclient.Client, user, id string) string {
	t.Helper()
	var o apiclient.Order
	api.Must(t, http.StatusOK, apiclient.ViewOrder(user, id), &o)
	return o.Status
}

func TestAnOperatorSettlesPaymentsThatTheGatewayDoesNot(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	shop, api := dev(t, data, "GATEWAY_SCENARIO=down")
	operator := operatorOf(t, shop, data)
	lost, paid := cardOrder(t, api, "ann"), cardOrder(t, api, "bob")

	out := operator.run(0, "payments", "list")
	header, row, _ := strings.Cut(out, "\n")
	if i := strings.Index(header, "STATUS"); i < 0 || !strings.HasPrefix(row[i:], "PENDING") || !strings.Contains(out, lost) || !strings.Contains(out, "2 payments wait") {
		t.Errorf("the columns do not line up, or something is missing:\n%s", out)
	}
	if out := operator.run(0, "payments", "list", "--older-than=1h"); strings.Contains(out, lost) {
		t.Errorf("a new payment is an hour old:\n%s", out)
	}
	if out := operator.run(1, "payments", "recheck", lost); !strings.Contains(out, "gateway does not answer") {
		t.Errorf("recheck does not say why not:\n%s", out)
	}
	if out := operator.run(1, "verify", "--no-board", "--gateway", "--wait=100ms"); !strings.Contains(out, "gateway does not answer") {
		t.Errorf("verify does not say why not:\n%s", out)
	}
	operator.run(0, "payments", "settle", lost, "DECLINED", "--reason=told by phone", "--actor=zoe")
	operator.run(0, "payments", "settle", paid, "approved", "--reason=told by phone", "--transaction-key=BANK:7")
	if out := operator.run(1, "payments", "settle", paid, "declined", "--reason=no"); !strings.Contains(out, "APPROVED already") {
		t.Errorf("a second settlement:\n%s", out)
	}
	if l, b := orderStatus(t, api, "ann", lost), orderStatus(t, api, "bob", paid); l != "FAILED" || b != "PAID" {
		t.Errorf("the orders are %s and %s", l, b)
	}
	operator.checkHistory(lost)
}

// checkHistory checks that the history says who settled a payment, and why.
func (o operator) checkHistory(order string) {
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
		o.t.Errorf("show does not say so:\n%s", out)
	}
}

// The shop agrees with its gateway, and differs from a gateway without data.
func TestVerifyComparesThePaymentsWithTheGateway(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	shop, api := dev(t, data, "GATEWAY_SCENARIO=healthy")
	operator := operatorOf(t, shop, data)
	id := cardOrder(t, api, "ann")
	cluster.Eventually(t, 30*time.Second, "the order is paid", func() error {
		if s := orderStatus(t, api, "ann", id); s != "PAID" {
			return fmt.Errorf("it is %s", s)
		}
		return nil
	})
	operator.run(0, "payments", "recheck", id)
	out := operator.run(0, "verify", "--no-board", "--gateway", "--wait=20s")
	for _, want := range []string{"coupons", "payments", "charges", "gateway"} {
		if !strings.Contains(out, want) {
			t.Errorf("verify does not mention %s:\n%s", want, out)
		}
	}
	if strings.ContainsAny(out, "\r\x1b") {
		t.Errorf("a spinner is drawn although the output is no terminal:\n%q", out)
	}
	other := programs.NewService(t, "pg-simulator", "another gateway")
	other.Launch(t.Context())
	operator.env[1] = "GATEWAY_URL=" + other.URL
	cluster.Eventually(t, 20*time.Second, "the difference is named", func() error {
		code, out := command(t, operator.env, "commerce", "verify", "--no-board", "--gateway", "--wait=10ms")
		if code != 1 || !strings.Contains(out, id) || !regexp.MustCompile(`won that the gateway keeps.* 18000 +0\b`).MatchString(out) {
			return fmt.Errorf("verify = %d\n%s", code, out)
		}
		return nil
	})
}

func TestPaymentsCommandsRejectInvalidArguments(t *testing.T) {
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
				t.Errorf("%v: %s is missing in:\n%s", c.args, want, out)
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
