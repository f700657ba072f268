package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/domain/payment"
)

// The money was given back in the gateway's console. An operator finds it and ends the
// order of the customer; the gateway is not asked for a refund.
func TestAnOperatorEndsAnOrderThatTheGatewayRefunded(t *testing.T) {
	t.Parallel()
	eachEngine(t, endRefunded)
}

func endRefunded(t *testing.T, on engine) {
	t.Helper()
	s := cardShopOn(t, on)
	admin := s.as("admin")
	o := s.buy(t)
	s.call(body(t, s.charged(t, o))).must(t, s.shop, 200)
	if got := s.listed(t, ""); got != nil {
		t.Errorf("stuck are %v", got)
	}
	s.gateway.cancelled()
	admin.post("/admin/v1/payments/"+o.ID+"/recheck", "").must(t, s.shop, 200).golden(t, "admin_payment_refunded_at_gateway")
	if o = s.order(t, o.ID); o.Status != "PAID" || o.Payment.Status != "REFUNDED" || !slices.Equal(s.listed(t, ""), []string{o.ID}) {
		t.Errorf("the order is %s, its payment %s; stuck are %v", o.Status, o.Payment.Status, s.listed(t, ""))
	}
	cancel := "/admin/v1/orders/" + o.ID + "/cancel"
	keyed := admin.with("Idempotency-Key", "k").post(cancel, `{"reason":"ticket 7"}`)
	first := keyed.must(t, s.shop, 200)
	first.golden(t, "admin_order_cancelled")
	if again := keyed.must(t, s.shop, 200); again.body != first.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %v\n%s", again.header, again.body)
	}
	keyed.body = `{"reason":"ticket 8"}`
	keyed.must(t, s.shop, 422)
	if p := admin.post(cancel, `{"reason":"ticket 7"}`).must(t, s.shop, 409).problem(t); p.Code != "ORDER_STATE" {
		t.Errorf("a second cancel: %s", p.Code)
	}
	if got := s.listed(t, ""); got != nil || s.balance(t, "kim") != 100_000 {
		t.Errorf("stuck are %v, kim has %d won", got, s.balance(t, "kim"))
	}
	history := admin.get("/admin/v1/payments/"+o.ID).must(t, s.shop, 200).body
	if !strings.Contains(history, `"actor":"admin"`) || !strings.Contains(history, "cancelled by an operator: ticket 7") {
		t.Errorf("the history does not name the operator: %s", history)
	}
}

// cancelled cancels the last charge in the gateway's console.
func (g *gateway) cancelled() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.charges[len(g.charges)-1].Status = payment.ChargeCancelled
}

func TestOnlyAnAdminCancelsTheOrderOfACustomer(t *testing.T) {
	t.Parallel()
	s := stocked(t)
	order := s.as("kim").post("/api/v1/orders", twoMugs).must(t, s, 201).header.Get("Location")
	path := strings.Replace(order, "/api/", "/admin/", 1) + "/cancel"
	why := `{"reason":"sold out"}`
	s.as("kim").post(path, why).must(t, s, 403)
	s.as("").post(path, why).must(t, s, 401)
	s.as("admin").post(path, `{"reason":""}`).must(t, s, 400)
	s.as("admin").post(path, `{"reason":"  "}`).must(t, s, 400)
	s.as("admin").post(path, `{}`).must(t, s, 400)
	s.as("admin").post("/admin/v1/orders/019caa05-4cc0-7001-8000-00000000ffff/cancel", why).must(t, s, 404)
	s.as("admin").post(path, why).must(t, s, 200)
	if seen := s.as("kim").get(order).must(t, s, 200).body; !strings.Contains(seen, "cancelled by an operator: sold out") || !strings.Contains(seen, "CANCELLED") {
		t.Errorf("kim sees %s", seen)
	}
}
