package pgclient

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

func TestARequestIsSentAsTheWireSays(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		o := request(t.Context(), g.client, paymentID, charge())
		want := payment.Reply{Kind: payment.Accepted, Charge: payment.Charge{Key: key, Status: payment.ChargePending, Refund: payment.NoRefund}}
		if diff := cmp.Diff(want, o); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		g.was(post)
		if sent := strings.Join(strings.Fields(golden(t, "request")), ""); g.bodies[0] != sent {
			t.Errorf("sent %s, want %s", g.bodies[0], sent)
		}
		for name, want := range map[string]string{
			pgwire.UserHeader: user, pgwire.IdempotencyHeader: paymentID, "Content-Type": "application/json",
		} {
			if got := g.heads[0].Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}, shows(t, http.StatusOK, "accepted"))
}

func TestTheOutcomesOfARequest(t *testing.T) {
	t.Parallel()
	accepted, list := shows(t, http.StatusOK, "accepted"), shows(t, http.StatusOK, "transactions")
	conflict := says(http.StatusConflict, `{"meta":{"result":"FAIL","errorCode":"CONFLICT","message":"the same is under way"},"data":null}`)
	other := says(http.StatusOK, `{"meta":{"result":"SUCCESS"},"data":{"transactionKey":"k","orderId":"another","status":"PENDING","reason":""}}`)
	dear := says(http.StatusOK, `{"meta":{"result":"SUCCESS"},"data":{"transactionKey":"k","amount":5001,"status":"PENDING","reason":""}}`)
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		kind    payment.ReplyKind
		status  payment.ChargeStatus
		calls   []string
	}{
		"refused":                       {[]http.HandlerFunc{shows(t, http.StatusBadRequest, "refused")}, payment.Refused, "", []string{post}},
		"500, and it has it":            {[]http.HandlerFunc{fails(), list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"500, and it has it not":        {[]http.HandlerFunc{fails(), notFound(), accepted}, payment.Accepted, payment.ChargePending, []string{post, find, post}},
		"500 for ever":                  {[]http.HandlerFunc{fails()}, payment.Uncertain, "", []string{post, find, find}},
		"500 to each request":           {[]http.HandlerFunc{fails(), notFound(), fails(), notFound(), fails(), notFound()}, payment.Uncertain, "", []string{post, find, post, find, post, find}},
		"the last of three is had":      {[]http.HandlerFunc{fails(), notFound(), fails(), notFound(), fails(), list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find, post, find, post, find}},
		"hangs, and it has it":          {[]http.HandlerFunc{hangs, list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"cut after reading":             {[]http.HandlerFunc{cuts, notFound(), accepted}, payment.Accepted, payment.ChargePending, []string{post, find, post}},
		"cut in the answer":             {[]http.HandlerFunc{truncates(`{"meta":`), list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"no JSON":                       {[]http.HandlerFunc{says(200, `{"meta":{"result":"SUCC`), list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"no HTTP":                       {[]http.HandlerFunc{raw("SSH-2.0-OpenSSH_9.2\r\n"), list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"another order":                 {[]http.HandlerFunc{other, list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"another amount":                {[]http.HandlerFunc{dear, list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"a refusal by a proxy":          {[]http.HandlerFunc{says(404, "<html>not here</html>"), notFound(), accepted}, payment.Accepted, payment.ChargePending, []string{post, find, post}},
		"a conflict with itself":        {[]http.HandlerFunc{conflict, list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"sent elsewhere":                {[]http.HandlerFunc{redirects, list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"too many requests":             {[]http.HandlerFunc{says(429, ""), accepted}, payment.Accepted, payment.ChargePending, []string{post, post}},
		"too many requests, always":     {[]http.HandlerFunc{says(429, "")}, payment.NotReached, "", []string{post, post, post}},
		"uncertain, then never reached": {[]http.HandlerFunc{fails(), notFound(), says(429, "")}, payment.Uncertain, "", []string{post, find, post, find}},
		"uncertain, then too many":      {[]http.HandlerFunc{fails(), notFound(), says(429, ""), notFound(), says(429, "")}, payment.Uncertain, "", []string{post, find, post, find, post}},
		"a request timeout":             {[]http.HandlerFunc{shows(t, http.StatusRequestTimeout, "refused"), list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find}},
		"uncertain, then refused":       {[]http.HandlerFunc{fails(), notFound(), shows(t, 400, "refused"), notFound()}, payment.Refused, "", []string{post, find, post, find}},
		"uncertain, then a duplicate":   {[]http.HandlerFunc{fails(), notFound(), shows(t, 400, "refused"), list}, payment.Accepted, payment.ChargeSucceeded, []string{post, find, post, find}},
		"refused, and no answer":        {[]http.HandlerFunc{fails(), notFound(), shows(t, 400, "refused"), fails()}, payment.Uncertain, "", []string{post, find, post, find}},
		"not authorised":                {[]http.HandlerFunc{shows(t, 401, "refused")}, payment.NotReached, "", []string{post, post, post}},
		"not authorised for a while":    {[]http.HandlerFunc{shows(t, 403, "refused"), accepted}, payment.Accepted, payment.ChargePending, []string{post, post}},
		"the question is refused":       {[]http.HandlerFunc{fails(), shows(t, 400, "refused"), notFound(), accepted}, payment.Accepted, payment.ChargePending, []string{post, find, find, post}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(g *gateway) {
				t := g.t
				o := request(t.Context(), g.client, paymentID, charge())
				if o.Kind != c.kind || o.Charge.Status != c.status {
					t.Errorf("%v, %+v, %v; want %v, %v", o.Kind, o.Charge, o.Err, c.kind, c.status)
				}
				want := map[payment.ReplyKind]error{payment.Uncertain: ErrUncertain, payment.NotReached: ErrNotReached, payment.Refused: ErrRefused}[c.kind]
				if !errors.Is(o.Err, want) {
					t.Errorf("error %v, want %v", o.Err, want)
				}
				g.was(c.calls...)
			}, c.answers...)
		})
	}
}

func redirects(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "http://gateway/elsewhere", http.StatusSeeOther)
}

func TestARefusalSaysWhy(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		o := request(t.Context(), g.client, paymentID, charge())
		if o.Reason != "BAD_REQUEST, cardNo must be dddd-dddd-dddd-dddd" {
			t.Errorf("reason %q", o.Reason)
		}
	}, shows(t, http.StatusBadRequest, "refused"))
}

func TestAGatewayThatIsAwayIsDialledAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		began := time.Now()
		g.leave(syscall.ECONNREFUSED)
		go func() {
			time.Sleep(2 * time.Second)
			g.leave(nil)
		}()
		if o := request(t.Context(), g.client, paymentID, charge()); o.Kind != payment.Accepted {
			t.Errorf("%v: %v", o.Kind, o.Err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v, want 1 s and 2 s more", took)
		}
		g.was(post)
	}, shows(t, http.StatusOK, "accepted"))
}

func TestARefusedConnectionIsNotReached(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		g.leave(syscall.ECONNREFUSED)
		o := request(t.Context(), g.client, paymentID, charge())
		if o.Kind != payment.NotReached || !errors.Is(o.Err, ErrNotReached) || !errors.Is(o.Err, syscall.ECONNREFUSED) {
			t.Errorf("%v: %v", o.Kind, o.Err)
		}
		if g.dials != 3 {
			t.Errorf("dialled %d times, want 3", g.dials)
		}
	}, fails())
}

// Without a connection the gateway cannot have read the request.
func TestAConnectionTimeoutIsNotReached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := alone(t)
		c.Attempts = 1
		c.Dial = silent
		client, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if o := request(t.Context(), client, paymentID, charge()); o.Kind != payment.NotReached || time.Since(began) != time.Second {
			t.Errorf("after %v: %v, %v", time.Since(began), o.Kind, o.Err)
		}
	})
}

func TestEachCallHasItsDeadline(t *testing.T) {
	t.Parallel()
	inBubbleWith(t, Config{Attempts: 1}, func(g *gateway) {
		t := g.t
		began := time.Now()
		o := request(t.Context(), g.client, paymentID, charge())
		if took := time.Since(began); o.Kind != payment.Uncertain || took != 6*time.Second {
			t.Errorf("after %v: %v, %v; want 3 s for the request and 3 s for the question about it", took, o.Kind, o.Err)
		}
	}, hangs)
}

func TestACallBeyondTheBulkheadIsRejected(t *testing.T) {
	t.Parallel()
	inBubbleWith(t, Config{Bulkhead: 2, Attempts: 1}, func(g *gateway) {
		t := g.t
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for range 2 {
			go request(ctx, g.client, paymentID, charge())
		}
		synctest.Wait()
		if n := g.metric("commerce_gateway_calls_in_flight", ""); n != 2 {
			t.Errorf("%v calls in flight, want 2", n)
		}
		began := time.Now()
		o := request(t.Context(), g.client, paymentID, charge())
		if o.Kind != payment.NotReached || time.Since(began) != time.Second {
			t.Errorf("after %v: %v, %v; want a second", time.Since(began), o.Kind, o.Err)
		}
		if n := g.metric("commerce_gateway_calls_total", "call=request,outcome=bulkhead_full"); n != 1 {
			t.Errorf("%v calls rejected, want 1", n)
		}
		cancel()
		synctest.Wait()
		if n := g.metric("commerce_gateway_calls_in_flight", ""); n != 0 {
			t.Errorf("%v calls in flight after all have ended", n)
		}
	}, hangs)
}

func TestACallBeyondTheBulkheadWaitsForAnotherToEnd(t *testing.T) {
	t.Parallel()
	slow := func(w http.ResponseWriter, r *http.Request) {
		<-time.After(time.Second - 1)
		shows(t, http.StatusOK, "accepted")(w, r)
	}
	inBubbleWith(t, Config{Bulkhead: 1, Attempts: 1}, func(g *gateway) {
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if o := request(g.t.Context(), g.client, paymentID, charge()); o.Kind != payment.Accepted {
					g.t.Errorf("%v: %v", o.Kind, o.Err)
				}
			})
		}
		all.Wait()
		g.was(post, post)
	}, slow)
}
