package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

const (
	// expiry is how long a card order may be pending.
	expiry = 30 * time.Second
	// tardy is how much later it may end: who looked after payments was frozen
	// with the lease (10 s, then 5 s), one look at a gateway that hangs (6 s),
	// others that wait for their look as well, and a busy machine.
	tardy = 40 * time.Second
	// patience is for the watch of payments that have ended.
	patience = 3 * time.Minute

	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// openGateway starts one that loses answers, hangs, and tells what is not so in
// some of its callbacks, whenever it is started.
func (s *shop) openGateway(ctx context.Context) {
	s.t.Helper()
	port := cluster.FreePort(s.t)
	s.gateway = cluster.Gateway{TB: s.t, Door: "http://127.0.0.1:" + port}
	s.program(ctx, "pg-simulator", "gateway", s.gateway.Door+"/admin/totals", "PORT="+port, "MANAGEMENT_PORT=0", "SECRET="+secret,
		"SCENARIO=flaky", "HANG_LIMIT=20s", "CALLBACK_LATE_MAX=10s", "IGNORE_IDEMPOTENCY_KEY=true", "DATA="+filepath.Join(s.t.TempDir(), "gateway.jsonl"),
		"CALLBACK_WRONG_AMOUNT_RATE=0.1", "CALLBACK_WRONG_STATUS_RATE=0.1", "CALLBACK_UNKNOWN_KEY_RATE=0.1", "CALLBACK_FORGE_RATE=0.1")
	s.env = append(s.env, "GATEWAY_URL="+s.gateway.Door, "GATEWAY_SECRET="+secret,
		"PAYMENT_EXPIRY="+expiry.String(), "PAYMENT_RECOVERY_INTERVAL=1s")
}

// offer is a kind of coupon, of which there is one for everybody.
type offer struct {
	ID, Type           string
	Value, MaxDiscount int64
}

// off is what it takes off an amount.
func (o *offer) off(amount int64) int64 {
	less := o.Value
	if o.Type == "PERCENT" {
		less = min(amount*o.Value/100, o.MaxDiscount)
	}
	return min(less, amount)
}

// offers puts some coupons on offer.
func (s *shop) offers(ctx context.Context) (all []*offer) {
	s.t.Helper()
	const boss = "boss"
	s.post(ctx, "", "/api/v1/users", `{"loginId":"boss","email":"boss@shop.example","birthDate":"1990-01-01","gender":"FEMALE","password":"a word of passage"}`)
	s.commerce(ctx, "user", "grant", boss, "admin")
	for _, body := range []string{
		`{"type":"FIXED","value":3000`, `{"type":"PERCENT","value":13,"maxDiscount":5000`,
		`{"type":"FIXED","value":100`, `{"type":"PERCENT","value":50,"maxDiscount":20000`,
	} {
		var o offer
		made := s.post(ctx, boss, "/admin/v1/coupons", body+`,"name":"Offer","quantity":100000,"validDays":1}`)
		if err := json.Unmarshal(made, &o); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, &o)
	}
	return all
}

// post has something made, at the first API.
func (s *shop) post(ctx context.Context, who, path, body string) []byte {
	s.t.Helper()
	return s.ask(ctx, http.MethodPost, who, path, body)
}

func (s *shop) ask(ctx context.Context, method, who, path, body string) []byte {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.doors[0]+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("X-USER-ID", who)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		s.t.Fatalf("%s %s of %q = %d %s, %v", method, path, who, res.StatusCode, text, err)
	}
	return text
}

// settleCards waits until every payment has ended.
func (s *shop) settleCards(ctx context.Context) {
	s.t.Helper()
	column := func(query string) []string { return s.strings(ctx, query) }
	err := cluster.Await(ctx, patience, "every payment has ended, and what was too much was given back", func() error {
		return s.gateway.Unsettled(ctx, column)
	})
	if err != nil {
		s.t.Error(err)
	}
}

// sound returns some card orders that nothing is wrong with, and has them placed
// while the gateway is well: a shop that never takes any money would pass all else.
func (s *shop) sound(ctx context.Context, c *customers, acts []*act) (all []*act) {
	s.t.Helper()
	s.gateway.Play(ctx, "healthy")
	for _, a := range acts {
		if a.kind != order || a.pay.card != a.amount || len(all) == 8 {
			continue
		}
		like := &act{kind: order, who: a.who, key: fmt.Sprint("sound-", len(all)), items: a.items, amount: a.amount, pay: a.pay, sound: true}
		if err := c.see(ctx, like, len(all)%2); err != nil {
			s.t.Error(err)
			continue
		}
		all = append(all, like)
	}
	s.settleCards(ctx)
	return all
}

// checkCards has every customer look at what became of the orders that a card
// was to pay, and compares that with what the gateway has kept.
func (s *shop) checkCards(ctx context.Context, acts []*act) {
	s.t.Helper()
	kept, declined := map[string]int64{}, map[string]bool{}
	for _, t := range s.gateway.Transactions(ctx, "") {
		kept[t.OrderID] += t.Charged - t.Refunded
		declined[t.OrderID] = declined[t.OrderID] || t.Status == "FAILED"
	}
	ends := map[string]int{}
	for _, a := range acts {
		if a.kind != order || a.pay.card == 0 {
			continue
		}
		if err := s.look(ctx, a); err != nil {
			s.t.Error(err)
		}
		ends[a.end]++
		if a.sound && a.end != "PAID" {
			s.t.Errorf("order %s is %s, though nothing was wrong with the card", a.id, a.end)
		}
		want := int64(0)
		if a.end == "PAID" {
			want = a.pay.card
		}
		if kept[a.id] != want || a.end == "FAILED" && !declined[a.id] {
			s.t.Errorf("order %s is %s: the gateway keeps %d won of it, want %d; it has declined a charge: %v", a.id, a.end, kept[a.id], want, declined[a.id])
		}
		delete(kept, a.id)
	}
	if len(kept) > 0 {
		s.t.Errorf("the gateway has charged for orders that nobody was told of: %v", kept)
	}
	if ends["PAID"] == 0 || ends["FAILED"] == 0 || ends["CANCELLED"] == 0 {
		s.t.Errorf("some orders are to be paid by card, some declined and some called off: %v", ends)
	}
	late := s.strings(ctx, fmt.Sprintf(`SELECT concat_ws(' ', order_id, status, (ended_us - created_us) / 1e6) FROM payments
		WHERE ended_us - created_us > %d`, (expiry+tardy).Microseconds()))
	s.compare("payments that took longer than they may", nil, late)
	s.t.Logf("card orders have ended: %v", ends)
}

// look learns how an order has ended, and whether it was ever paid.
func (s *shop) look(ctx context.Context, a *act) error {
	var o struct {
		Status  string
		History []struct{ Status string }
	}
	if err := json.Unmarshal(s.ask(ctx, http.MethodGet, a.who, "/api/v1/orders/"+a.id, ""), &o); err != nil {
		return err
	}
	a.end = o.Status
	for _, h := range o.History {
		a.paid = a.paid || h.Status == "PAID"
	}
	switch {
	case a.calledOff && a.end != "CANCELLED", !a.calledOff && a.end == "CANCELLED", a.end == "PENDING",
		a.tooLate && a.end != "FAILED" && a.end != "EXPIRED":
		return fmt.Errorf("order %s is %s; it was called off: %v, or too late for that: %v", a.id, a.end, a.calledOff, a.tooLate)
	}
	return nil
}
