package process_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

func TestCardOrdersAllEndOnAnOrdinaryDay(t *testing.T) {
	t.Parallel()
	s := openTill(t, "--scenario", "default")
	placed := s.customers(cardOrders(t))()
	s.settled()
	ends := s.agree(placed)
	t.Logf("ends: %v", ends)
	for end := range ends {
		if end == "PENDING" || ends["PAID"] == 0 || ends["FAILED"] == 0 {
			t.Errorf("ends: %v", ends)
		}
	}
	for i := range s.apis {
		if opened, err := s.metric(i, `commerce_gateway_breaker_transitions_total{to="open"}`); opened > 0 || err != nil {
			t.Errorf("the breaker opened %v times on a healthy gateway (%v)", opened, err)
		}
	}
	s.commerce(0, "verify", "--wait", "60s")
}

// Everything that a gateway can do, and kill -9 of both sides.
func TestCardOrdersAllEndInAStorm(t *testing.T) {
	t.Parallel()
	s := openTill(t, "--scenario", "flaky", "--ignore-idempotency-key", "--settle-delay-max", "3s", "--hang-limit", "5s",
		"--callback-forge-rate", "0.1", "--callback-wrong-status-rate", "0.1", "--callback-wrong-amount-rate", "0.1", "--callback-unknown-key-rate", "0.1")
	wait := s.customers(cardOrders(t))
	rounds := max(6, cardOrders(t)/50)
	for round := range rounds {
		select {
		case <-t.Context().Done():
			return
		case <-time.After(2 * time.Second): // customers buy, until the next blow
		}
		switch round % 3 {
		case 0, 1:
			s.api[round%3].kill()
			s.startAPI(round % 3)
		default:
			s.faults(`{"down":"close"}`)
			time.Sleep(time.Duration(rounds) * time.Second / 2) // absence is what is tried here
			s.gateway.kill()
			s.startGateway()
		}
	}
	placed := wait()
	s.settled()
	t.Logf("ends: %v", s.agree(placed))
	if late := s.query(`SELECT id::text FROM payments WHERE ended_us - created_us > ` + strconv.FormatInt((expiry+15*time.Second).Microseconds(), 10)); len(late) > 0 {
		t.Errorf("%d payments took much longer than their expiry", len(late))
	}
	s.commerce(0, "verify", "--wait", "60s")
	s.searchForCards()
}

func TestForgedCallbacksChangeNothingAndAreCounted(t *testing.T) {
	t.Parallel()
	s := openTill(t, "--scenario", "healthy", "--callback-lose-rate", "1", "--settle-delay-min", "1h", "--settle-delay-max", "1h")
	var o struct {
		ID         string
		CardAmount int64
	}
	body := fmt.Sprintf(`{"items":[{"productId":7,"quantity":1}],"payment":{"method":"CARD","cardType":"KB","cardNo":"%s-0001"}}`, cardDigits)
	s.apis[0].must(t, http.StatusCreated, "ann", http.MethodPost, "/api/v1/orders", body, &o)
	tell := func(orderID string, amount int64) []byte {
		return fmt.Appendf(nil, `{"transactionKey":"TR:1","orderId":"%s","amount":%d,"status":"SUCCESS"}`, orderID, amount)
	}
	good, bad, now := secretOf(t, tillSecret), secretOf(t, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), time.Now()
	for name, c := range map[string]struct {
		body    []byte
		headers map[string]string
		status  int
		result  string
	}{
		"not signed":        {tell(o.ID, o.CardAmount), nil, http.StatusUnauthorized, "unsigned"},
		"another's secret":  {tell(o.ID, o.CardAmount), bad.Sign("m", now, tell(o.ID, o.CardAmount)), http.StatusUnauthorized, "forged"},
		"a replay":          {tell(o.ID, o.CardAmount), good.Sign("m", now.Add(-time.Hour), tell(o.ID, o.CardAmount)), http.StatusUnauthorized, "stale"},
		"a wrong amount":    {tell(o.ID, 1), good.Sign("m", now, tell(o.ID, 1)), http.StatusConflict, "wrong_amount"},
		"an unknown order":  {tell("nobody's", 1), good.Sign("m", now, tell("nobody's", 1)), http.StatusNotFound, "unknown_order"},
		"an unknown charge": {tell(o.ID, o.CardAmount), good.Sign("m", now, tell(o.ID, o.CardAmount)), http.StatusNotFound, "unknown_transaction"},
	} {
		if status := s.apis[0].callBack(t, c.body, c.headers); status != c.status {
			t.Errorf("%s: status %d, want %d", name, status, c.status)
		}
		if n, err := s.metric(0, `commerce_payment_callbacks_total{result="`+c.result+`"}`); n != 1 || err != nil {
			t.Errorf("%s: counted %v times as %s (%v)", name, n, c.result, err)
		}
	}
	if got := s.query(`SELECT status || ' ' || version FROM orders`); len(got) != 1 || got[0] != "PENDING 1" {
		t.Errorf("the order is %v", got)
	}
}

func secretOf(t *testing.T, text string) pgwire.Secret {
	t.Helper()
	secret, err := pgwire.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func (d door) callBack(t *testing.T, body []byte, headers map[string]string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, string(d)+"/api/v1/payments/callback", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// With the gateway gone orders are taken as before; the breaker opens, tries, and
// closes when it is back.
func TestOrdersAreTakenWhileTheGatewayIsGone(t *testing.T) {
	t.Parallel()
	s := openTill(t, "--scenario", "healthy", "--down", "unavailable")
	var placed []string
	for i := range 40 {
		var o struct{ ID, Status string }
		body := fmt.Sprintf(`{"items":[{"productId":7,"quantity":1}],"payment":{"method":"CARD","cardType":"KB","cardNo":"%s-%04d"}}`, cardDigits, i)
		s.apis[0].must(t, http.StatusCreated, "ann", http.MethodPost, "/api/v1/orders", body, &o)
		if o.Status != "PENDING" {
			t.Fatalf("order %d is %s", i, o.Status)
		}
		placed = append(placed, o.ID)
	}
	s.awaitBreaker("open")
	s.faults(`{"down":"no"}`)
	s.awaitBreaker("half_open")
	s.awaitBreaker("closed")
	s.settled()
	orders := map[string]bool{}
	for _, id := range placed {
		orders[id] = true
	}
	t.Logf("ends: %v", s.agree(orders))
}
