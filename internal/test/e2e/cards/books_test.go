package cards_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// slack is how much later than its expiry an order may end: the lease of who
// looked after payments and was killed (5 s), one look at a gateway that hangs
// (6 s), others that wait for their look as well, and a busy machine.
const slack = 25 * time.Second

// patience is for the watch of payments that have ended: looks come at intervals
// that grow to the time since the end.
const patience = 3 * time.Minute

// settle waits until nothing is under way: every order has ended, everything due
// was given back, and the gateway has decided about all that it has.
func (s *shop) settle(ctx context.Context) {
	s.t.Helper()
	column := func(query string) []string { return s.strings(ctx, query) }
	err := cluster.Await(ctx, patience, "every payment has ended, and what was too much was given back", func() error {
		return s.gateway.Unsettled(ctx, column)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// row is what the books say of an order.
type row struct {
	ID, Status, Payment            string
	Amount, Discount, Points, Card int64
}

func (s *shop) rows(ctx context.Context) map[string]row {
	s.t.Helper()
	rows, err := s.database.Query(ctx, `SELECT o.id::text, o.status, p.status, o.amount, o.discount, o.points, o.card
		FROM orders o LEFT JOIN payments p ON p.order_id = o.id`)
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string]row{}
	for _, r := range must(pgx.CollectRows(rows, pgx.RowToStructByPos[row]))(s.t.Fatal) {
		all[r.ID] = r
	}
	return all
}

// must returns what there is, or tells of the error.
func must[T any](v T, err error) func(fatal func(...any)) T {
	return func(fatal func(...any)) T {
		if err != nil {
			fatal(err)
		}
		return v
	}
}

// checkBooks compares the orders with what customers were told, and with what
// the gateway has charged and given back, to the won. It returns how many orders
// came to which end.
func (s *shop) checkBooks(ctx context.Context, orders []*purchase) map[string]int {
	s.t.Helper()
	kept, ends := map[string]int64{}, map[string]int{}
	for _, t := range s.gateway.Transactions(ctx, "") {
		kept[t.OrderID] += t.Charged - t.Refunded
	}
	books := s.rows(ctx)
	var sum int64
	for _, p := range orders {
		r := books[p.id]
		delete(books, p.id)
		ends[r.Status]++
		sum += r.paid()
		if (r.Amount != p.amount || r.Discount != p.discount || r.Points != p.points || r.Card != p.charge) || !r.sound(p.cancelled) || kept[p.id] != r.paid() {
			s.t.Errorf("%s (%d by card, called off: %v) is %+v; the gateway has kept %d", p.key, p.charge, p.cancelled, r, kept[p.id])
		}
		delete(kept, p.id)
	}
	if len(books) > 0 || len(kept) > 0 {
		s.t.Errorf("nobody was told of %v; the gateway has charged for %v", slices.Collect(maps.Keys(books)), kept)
	}
	if kept := s.gateway.Kept(ctx); kept != sum {
		s.t.Errorf("the gateway has kept %d won, and orders were paid with %d", kept, sum)
	}
	return ends
}

// paid is what a card has paid of the order.
func (r row) paid() int64 {
	if r.Status == "PAID" {
		return r.Card
	}
	return 0
}

// sound reports whether the order and its payment have ended the same way, and
// in the way that its customer was told.
func (r row) sound(calledOff bool) bool {
	switch r.Status {
	case "PAID":
		return r.Payment == "APPROVED" && !calledOff
	case "FAILED", "EXPIRED": // a charge may have come late
		return (r.Payment == "DECLINED" || r.Payment == "REFUNDED") && !calledOff
	case "CANCELLED":
		return (r.Payment == "DECLINED" || r.Payment == "REFUNDED") && calledOff
	default:
		return false
	}
}

// checkTimes complains of payments that took longer than they may.
func (s *shop) checkTimes(ctx context.Context) {
	s.t.Helper()
	late := s.strings(ctx, fmt.Sprintf(`SELECT concat_ws(' ', order_id, status, (ended_us - created_us) / 1e6) FROM payments
		WHERE ended_us - created_us > %d`, (s.expiry+slack).Microseconds()))
	if len(late) > 0 {
		s.t.Errorf("%d payments took more than %v longer than their expiry of %v:\n%s", len(late), slack, s.expiry, strings.Join(late, "\n"))
	}
}

// verify has the books recounted, and compared with the gateway's.
func (s *shop) verify() {
	s.t.Helper()
	out := s.commerce("verify", "--wait", "60s", "--gateway", "--gateway-url", s.gateway.door, "--json")
	var results []struct {
		Truth       int
		Check       string
		Compared    int64
		Differences []any
	}
	_, list, _ := strings.Cut(out, "\n[") // ahead of it the log may speak
	if err := json.Unmarshal([]byte("["+list), &results); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	seen := map[string]bool{}
	for _, r := range results {
		seen[r.Check] = r.Compared > 0 && len(r.Differences) == 0
	}
	for _, check := range []string{"stock", "points", "coupons", "payments", "charges", "gateway", "sales", "ranking"} {
		if !seen[check] {
			s.t.Errorf("verify has not found %s right: %+v", check, results)
		}
	}
}

// checkStop has everybody stop in order, after which nothing may be held.
func (s *shop) checkStop(ctx context.Context) {
	s.t.Helper()
	for _, p := range s.everybody() {
		p.Stop()
	}
	if held := s.strings(ctx, `SELECT concat_ws(' ', name, holder) FROM leases WHERE until_us > 0`); len(held) > 0 {
		s.t.Errorf("leases are left: %v", held)
	}
}
