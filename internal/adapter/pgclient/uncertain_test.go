package pgclient

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// Because of the idempotency key, http.Transport would repeat a request by itself. A gateway
// that ignores the key would charge twice.
func TestARequestThatMayHaveBeenReadIsNotRepeatedBlindly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		for range 2 { // the second one reuses the connection
			if o := request(t.Context(), g.client, paymentID, charge()); o.Kind != payment.Accepted {
				t.Errorf("%v: %v", o.Kind, o.Err)
			}
		}
		if g.dials != 2 {
			t.Errorf("%d connections, want a second one after the first was cut", g.dials)
		}
		g.was(post, post, find)
	}, shows(t, http.StatusOK, "accepted"), cuts, shows(t, http.StatusOK, "transactions"))
}

func TestARequestAfterAnUncertainOneAsksTheGatewayFirst(t *testing.T) {
	t.Parallel()
	inBubbleWith(t, Config{Attempts: 1}, func(g *gateway) {
		t := g.t
		for i, want := range []payment.ReplyKind{payment.Uncertain, payment.Accepted, payment.Accepted} {
			if r := request(t.Context(), g.client, paymentID, charge()); r.Kind != want {
				t.Errorf("request %d: %v, %v; want %v", i, r.Kind, r.Err, want)
			}
		}
		g.was(post, find, find, post)
	}, fails(), notFound(), shows(t, http.StatusOK, "transactions"), shows(t, http.StatusOK, "accepted"))
}

func TestARequestThatIsNotReachedAfterAnUncertainOneIsUncertain(t *testing.T) {
	t.Parallel()
	inBubbleWith(t, Config{Attempts: 1}, func(g *gateway) {
		t := g.t
		request(t.Context(), g.client, paymentID, charge())
		g.leave(syscall.ECONNREFUSED)
		g.client.Close()
		r := request(t.Context(), g.client, paymentID, charge())
		if r.Kind != payment.Uncertain || !errors.Is(r.Err, ErrUncertain) || !errors.Is(r.Err, syscall.ECONNREFUSED) {
			t.Errorf("%v: %v", r.Kind, r.Err)
		}
		if r := request(t.Context(), g.client, "another payment", charge()); r.Kind != payment.NotReached {
			t.Errorf("nothing was sent for another payment: %v, %v", r.Kind, r.Err)
		}
	}, fails())
}

func TestUncertainKeysAreForgottenOldestFirst(t *testing.T) {
	t.Parallel()
	s := newKeySet(2)
	s.set("1", true)
	s.set("2", true)
	s.set("2", true)
	s.set("3", true)
	s.set("4", false)
	for key, want := range map[string]bool{"1": false, "2": true, "3": true, "4": false} {
		if s.has(key) != want {
			t.Errorf("%s: %v", key, !want)
		}
	}
	s.set("3", false)
	if s.has("3") {
		t.Error("3 is not deleted")
	}
}

func TestACallerThatGivesUpLeavesTheRequestUncertain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(g *gateway) {
		t := g.t
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel()
		}()
		o := request(ctx, g.client, paymentID, charge())
		if o.Kind != payment.Uncertain || !errors.Is(o.Err, context.Canceled) {
			t.Errorf("%v: %v", o.Kind, o.Err)
		}
		g.was(post)
		if o := request(ctx, g.client, "another payment", charge()); o.Kind != payment.NotReached || !errors.Is(o.Err, context.Canceled) {
			t.Errorf("nothing was sent: %v, %v", o.Kind, o.Err)
		}
		g.was(post)
		if n := g.metric("commerce_gateway_calls_total", "call=request,outcome=abandoned"); n != 2 {
			t.Errorf("%v abandoned calls, want 2", n)
		}
	}, hangs)
}

// The library would return ctx's error instead of the answer.
func TestAnAnswerIsKeptAlthoughTheCallerGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := alone(t)
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	found, err := client.persist(ctx, func() (transactions, error) {
		cancel()
		return transactions{{TransactionKey: key}}, nil
	})
	if err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}
