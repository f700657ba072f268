package crash_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// settle waits until nothing is under way, and has the books recounted.
func (s *shop) settle(ctx context.Context) {
	s.t.Helper()
	s.commerce(ctx, "verify", "--wait", "60s", "--gateway", "--gateway-url", s.gateway.Door)
	if out := s.commerce(ctx, "ranking", "verify"); !strings.Contains(out, " 0 differences") {
		s.t.Errorf("ranking verify:\n%s", out)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if err := cluster.Await(ctx, 30*time.Second, "the consumers have seen everything", func() error { return lag(ctx, admin) }); err != nil {
		s.t.Error(err)
	}
	if err := cluster.Await(ctx, 15*time.Second, "the living hold every lease", func() error { return s.leases(ctx) }); err != nil {
		s.t.Error(err)
	}
	for _, topic := range event.Topics() {
		ends, err := admin.ListEndOffsets(ctx, kafka.DeadLetterTopic(topic))
		if err != nil {
			s.t.Fatal(err)
		}
		ends.Each(func(o kadm.ListedOffset) {
			if o.Offset > 0 || o.Err != nil {
				s.t.Errorf("dead letters: %+v", o)
			}
		})
	}
}

func lag(ctx context.Context, admin *kadm.Client) error {
	groups, err := admin.Lag(ctx, tally.Consumer)
	if err != nil {
		return err
	}
	g := groups[tally.Consumer]
	if err := errors.Join(g.DescribeErr, g.FetchErr); err != nil {
		return err
	}
	if n := len(g.Lag.Sorted()); n != event.Partitions*len(event.Topics()) {
		return fmt.Errorf("the group reads %d partitions", n)
	}
	for _, p := range g.Lag.Sorted() {
		if p.Err != nil {
			return p.Err
		}
		if p.Lag != 0 || p.Member == nil {
			return fmt.Errorf("%s/%d: a lag of %d, read by %v", p.Topic, p.Partition, p.Lag, p.Member)
		}
	}
	return nil
}

// leases complains of leases that are missing, or held beyond their time.
func (s *shop) leases(ctx context.Context) error {
	var lanes, keepers, over int
	err := s.database.QueryRow(ctx, `SELECT count(*) FILTER (WHERE name LIKE 'outbox-lane-%'), count(*) FILTER (WHERE name = $1),
		count(*) FILTER (WHERE until_us < extract(epoch FROM clock_timestamp()) * 1e6) FROM leases`, leaderboard.Lease).Scan(&lanes, &keepers, &over)
	if err == nil && (lanes != store.Lanes || keepers != 1 || over > 0) {
		err = fmt.Errorf("%d lanes and %d boards are held, %d leases have run out", lanes, keepers, over)
	}
	return err
}

// shelf reads what the shop sells.
func (s *shop) shelf(ctx context.Context) shelf {
	s.t.Helper()
	all := shelf{}
	rows, err := s.database.Query(ctx, `SELECT sku, id, price FROM products`)
	if err != nil {
		s.t.Fatal(err)
	}
	var sku string
	thing := all[""]
	_, err = pgx.ForEachRow(rows, []any{&sku, &thing.id, &thing.price}, func() error {
		all[sku] = thing
		return nil
	})
	if err != nil || len(all) == 0 {
		s.t.Fatalf("%d products, %v", len(all), err)
	}
	return all
}

// checkBooks compares the database with what was answered, row by row.
func (s *shop) checkBooks(ctx context.Context, acts []*act) {
	s.t.Helper()
	want := expect(acts)
	for _, check := range []struct {
		what, query string
		want        []string
	}{
		{"orders", `SELECT concat_ws(' ', o.id, u.login_id, o.status, o.amount, o.discount, o.points, o.card) FROM orders o JOIN users u ON u.id = o.user_id`, want.orders},
		{"the ledger", `SELECT concat_ws(' ', u.login_id, p.type, p.amount, p.order_id) FROM point_entries p JOIN users u ON u.id = p.user_id`, want.ledger},
		{"coupons", `SELECT concat_ws(' ', c.id, u.login_id, c.coupon_id, c.order_id) FROM owned_coupons c JOIN users u ON u.id = c.user_id`, want.coupons},
		{"likes", `SELECT concat_ws(' ', u.login_id, l.product_id) FROM likes l JOIN users u ON u.id = l.user_id`, want.likes},
		{"idempotency keys", `SELECT concat_ws(' ', u.login_id, k.key, k.status) FROM idempotency_keys k JOIN users u ON u.id = k.user_id`, want.keys},
		{"the outbox", `SELECT concat_ws(' ', seq, type, key) FROM outbox`, nil},
	} {
		s.compare(check.what, check.want, s.strings(ctx, check.query))
	}
}

func (s *shop) strings(ctx context.Context, query string) []string {
	s.t.Helper()
	rows, err := s.database.Query(ctx, query)
	if err != nil {
		s.t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// compare complains of what is missing, too much or there too often.
func (s *shop) compare(what string, want, got []string) {
	s.t.Helper()
	count := map[string]int{}
	for _, line := range got {
		count[line]++
	}
	for _, line := range want {
		count[line]--
	}
	var wrong []string
	for _, line := range slices.Sorted(maps.Keys(count)) {
		if n := count[line]; n != 0 {
			wrong = append(wrong, fmt.Sprintf("%+d %s", n, line))
		}
	}
	if len(wrong) > 0 {
		s.t.Errorf("%s: %d lines differ, - is missing and + too much:\n%s", what, len(wrong), strings.Join(wrong[:min(len(wrong), 20)], "\n"))
	} else {
		s.t.Logf("%s: %d lines, as answered", what, len(want))
	}
}

// expected is what the books must say.
type expected struct{ orders, ledger, coupons, likes, keys []string }

func expect(acts []*act) expected {
	var e expected
	liked, used := map[string]bool{}, map[*act]string{}
	for _, a := range acts {
		switch a.kind {
		case view:
		case like, unlike:
			liked[fmt.Sprint(a.who, " ", a.product)] = a.kind == like
		case charge:
			e.ledger = append(e.ledger, fmt.Sprint(a.who, " CHARGE ", a.amount))
		case coupon:
			used[a] = ""
		case order:
			e.order(a)
			if a.live() && a.pay.coupon != nil {
				used[a.pay.coupon] = " " + a.id
			}
		case cancel:
		}
		if a.key != "" {
			e.keys = append(e.keys, fmt.Sprint(a.who, " ", a.key, " ", a.status()))
		}
	}
	for c, by := range used {
		e.coupons = append(e.coupons, fmt.Sprint(c.id, " ", c.who, " ", c.offer.ID, by))
	}
	for place, is := range liked {
		if is {
			e.likes = append(e.likes, place)
		}
	}
	return e
}

// order has what an order took, and gave back if it did not live.
func (e *expected) order(a *act) {
	e.orders = append(e.orders, fmt.Sprint(a.id, " ", a.who, " ", a.end, " ", a.amount, " ", a.pay.discount, " ", a.pay.points, " ", a.pay.card))
	if a.pay.points == 0 {
		return
	}
	e.ledger = append(e.ledger, fmt.Sprint(a.who, " USE ", -a.pay.points, " ", a.id))
	if !a.live() {
		e.ledger = append(e.ledger, fmt.Sprint(a.who, " REFUND ", a.pay.points, " ", a.id))
	}
}

// live reports whether the order has what it took.
func (a *act) live() bool { return a.end == "PAID" }

// status is that of the answer which is kept under the key.
func (a *act) status() int {
	switch {
	case a.kind == order, a.kind == coupon:
		return http.StatusCreated
	case a.kind == cancel && a.order.tooLate:
		return http.StatusConflict
	default:
		return http.StatusOK
	}
}

// checkStop has everybody stop in order, after which nothing may be held.
func (s *shop) checkStop(ctx context.Context) {
	s.t.Helper()
	for _, p := range s.programs {
		p.Stop()
	}
	s.compare("leases", nil, s.strings(ctx, `SELECT concat_ws(' ', name, holder) FROM leases WHERE until_us > 0`))
}
