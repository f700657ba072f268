package cards_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
)

// expiryTolerance is how much later than its expiry an order may end: the lease of
// a killed program (5 s), one request to a gateway that hangs (6 s), others that
// wait for theirs, and a busy machine.
const expiryTolerance = 25 * time.Second

// settleTimeout is for the watch of payments that have ended: its intervals grow
// with the time since the end.
const settleTimeout = 3 * time.Minute

// settle waits until every order has ended, every surplus charge is refunded, and
// the gateway has no transaction open.
func (s *shop) settle(ctx context.Context) {
	s.t.Helper()
	if err := s.gateway.AwaitSettled(ctx, settleTimeout, s.db); err != nil {
		s.t.Fatal(err)
	}
}

// row is an order and its payment in the database.
type row struct {
	ID, Status, Payment            string
	Amount, Discount, Points, Card int64
}

func (s *shop) rows(ctx context.Context) map[string]row {
	s.t.Helper()
	all := map[string]row{}
	for _, r := range pgtest.Rows[row](ctx, s.db, `SELECT o.id::text, o.status, p.status, o.amount, o.discount, o.points, o.card
		FROM orders o LEFT JOIN payments p ON p.order_id = o.id`) {
		all[r.ID] = r
	}
	return all
}

// checkDatabase compares the orders with what their users were answered, and with
// what the gateway has kept, to the won. It returns how many orders have each status.
func (s *shop) checkDatabase(ctx context.Context, orders []*purchase) map[string]int {
	s.t.Helper()
	statuses := map[string]int{}
	net, _ := s.gateway.ByOrder(ctx)
	rows := s.rows(ctx)
	var sum int64
	for _, p := range orders {
		r := rows[p.id]
		delete(rows, p.id)
		statuses[r.Status]++
		sum += r.paid()
		if (r.Amount != p.amount || r.Discount != p.discount || r.Points != p.points || r.Card != p.charge) || !r.consistent(p.cancelled) || net[p.id] != r.paid() {
			s.t.Errorf("%s (%d by card, cancelled: %v) is %+v; the gateway has kept %d", p.key, p.charge, p.cancelled, r, net[p.id])
		}
		delete(net, p.id)
	}
	if len(rows) > 0 || len(net) > 0 {
		s.t.Errorf("no user knows the orders %v; the gateway has charged for %v", slices.Collect(maps.Keys(rows)), net)
	}
	if kept := s.gateway.Net(ctx); kept != sum {
		s.t.Errorf("the gateway has kept %d won, and orders were paid with %d", kept, sum)
	}
	return statuses
}

// paid returns what a card has paid of the order.
func (r row) paid() int64 {
	if r.Status == "PAID" {
		return r.Card
	}
	return 0
}

// consistent reports whether the order and its payment have ended the same way, and
// as the user was answered.
func (r row) consistent(cancelled bool) bool {
	switch r.Status {
	case "PAID":
		return r.Payment == "APPROVED" && !cancelled
	case "FAILED", "EXPIRED": // a charge may have come late
		return (r.Payment == "DECLINED" || r.Payment == "REFUNDED") && !cancelled
	case "CANCELLED":
		return (r.Payment == "DECLINED" || r.Payment == "REFUNDED") && cancelled
	default:
		return false
	}
}

// checkTimes checks that no payment took longer than it may.
func (s *shop) checkTimes(ctx context.Context) {
	s.t.Helper()
	late := s.db.Column(ctx, `SELECT concat_ws(' ', order_id, status, (ended_us - created_us) / 1e6) FROM payments
		WHERE ended_us - created_us > $1`, (s.expiry + expiryTolerance).Microseconds())
	if len(late) > 0 {
		s.t.Errorf("%d payments took more than %v longer than their expiry of %v:\n%s", len(late), expiryTolerance, s.expiry, strings.Join(late, "\n"))
	}
}

// verify runs the checks of the operator.
func (s *shop) verify() {
	s.t.Helper()
	out := s.commerce("verify", "--wait", "60s", "--gateway", "--gateway-url", s.gateway.Service.URL, "--json")
	var results []struct {
		Check       string
		Compared    int64
		Differences []any
	}
	_, list, _ := strings.Cut(out, "\n[") // log lines may come first
	if err := json.Unmarshal([]byte("["+list), &results); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	right := map[string]bool{}
	for _, r := range results {
		right[r.Check] = r.Compared > 0 && len(r.Differences) == 0
	}
	for _, check := range []string{"stock", "points", "coupons", "payments", "charges", "gateway", "sales", "ranking"} {
		if !right[check] {
			s.t.Errorf("verify has compared nothing, or found a difference, in %s: %+v", check, results)
		}
	}
}
