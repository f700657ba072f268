package crash_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/compare"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
)

// settle waits until the programs have nothing left to do, and runs the checks of
// the operator.
func (s *shop) settle(ctx context.Context) {
	s.t.Helper()
	s.commerce("verify", "--wait", "60s", "--gateway", "--gateway-url", s.gateway.URL)
	if out := s.commerce("ranking", "verify"); !strings.Contains(out, " 0 differences") {
		s.t.Errorf("ranking verify:\n%s", out)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	topics := len(event.Topics()) + len(kafka.RetryTopics(tally.Consumer, event.Topics()))
	if err := cluster.Await(ctx, 30*time.Second, "the consumers have read everything", func() error {
		return kafkatest.CaughtUp(ctx, admin, tally.Consumer, topics)
	}); err != nil {
		s.t.Error(err)
	}
	if err := cluster.Await(ctx, 15*time.Second, "every lease is held", func() error { return s.checkLeases(ctx) }); err != nil {
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

// checkLeases returns an error if a lease is missing or has run out.
func (s *shop) checkLeases(ctx context.Context) error {
	var lanes, boards, ended int
	err := s.db.Pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE name LIKE 'outbox-lane-%'), count(*) FILTER (WHERE name = $1),
		count(*) FILTER (WHERE until_us < extract(epoch FROM clock_timestamp()) * 1e6) FROM leases`, leaderboard.Lease).Scan(&lanes, &boards, &ended)
	if err == nil && (lanes != store.Lanes || boards != 1 || ended > 0) {
		err = fmt.Errorf("%d lanes and %d rankings are held, %d leases have run out", lanes, boards, ended)
	}
	return err
}

// checkDatabase compares the database with what was answered, row by row.
func (s *shop) checkDatabase(ctx context.Context, acts []*act) {
	s.t.Helper()
	want := expect(acts)
	for _, check := range []struct {
		what, query string
		want        []string
	}{
		{"orders", `SELECT concat_ws(' ', o.id, u.login_id, o.status, o.amount, o.discount, o.points, o.card) FROM orders o JOIN users u ON u.id = o.user_id`, want.orders},
		{"the point ledger", `SELECT concat_ws(' ', u.login_id, p.type, p.amount, p.order_id) FROM point_entries p JOIN users u ON u.id = p.user_id`, want.ledger},
		{"coupons", `SELECT concat_ws(' ', c.id, u.login_id, c.coupon_id, c.order_id) FROM owned_coupons c JOIN users u ON u.id = c.user_id`, want.coupons},
		{"likes", `SELECT concat_ws(' ', u.login_id, l.product_id) FROM likes l JOIN users u ON u.id = l.user_id`, want.likes},
		{"idempotency keys", `SELECT concat_ws(' ', u.login_id, k.key, k.status) FROM idempotency_keys k JOIN users u ON u.id = k.user_id`, want.keys},
		{"the outbox", `SELECT concat_ws(' ', seq, type, key) FROM outbox`, nil},
	} {
		s.compare(check.what, check.want, s.db.Column(ctx, check.query))
	}
}

func (s *shop) compare(what string, want, got []string) {
	s.t.Helper()
	compare.Lines(s.t, what, want, got)
	s.t.Logf("%s: %d lines are expected", what, len(want))
}

// expected is what the database must hold.
type expected struct{ orders, ledger, coupons, likes, keys []string }

func expect(acts []*act) expected {
	var e expected
	liked, used := map[string]bool{}, map[*act]string{}
	for _, a := range acts {
		switch a.kind {
		case view:
		case like, unlike:
			liked[fmt.Sprint(a.user, " ", a.product)] = a.kind == like
		case charge:
			e.ledger = append(e.ledger, fmt.Sprint(a.user, " CHARGE ", a.amount))
		case coupon:
			used[a] = ""
		case order:
			e.order(a)
			if a.isPaid() && a.pay.coupon != nil {
				used[a.pay.coupon] = " " + a.id
			}
		case cancel:
		}
		if a.key != "" {
			e.keys = append(e.keys, fmt.Sprint(a.user, " ", a.key, " ", a.answeredStatus()))
		}
	}
	for c, by := range used {
		e.coupons = append(e.coupons, fmt.Sprint(c.id, " ", c.user, " ", c.offer.ID, by))
	}
	for pair, is := range liked {
		if is {
			e.likes = append(e.likes, pair)
		}
	}
	return e
}

// order adds what an order took, and returned unless it was paid.
func (e *expected) order(a *act) {
	e.orders = append(e.orders, fmt.Sprint(a.id, " ", a.user, " ", a.status, " ", a.amount, " ", a.pay.discount, " ", a.pay.points, " ", a.pay.card))
	if a.pay.points == 0 {
		return
	}
	e.ledger = append(e.ledger, fmt.Sprint(a.user, " USE ", -a.pay.points, " ", a.id))
	if !a.isPaid() {
		e.ledger = append(e.ledger, fmt.Sprint(a.user, " REFUND ", a.pay.points, " ", a.id))
	}
}

// isPaid reports whether the order keeps what it took.
func (a *act) isPaid() bool { return a.status == "PAID" }

// answeredStatus is the HTTP status that is stored for the key.
func (a *act) answeredStatus() int {
	switch {
	case a.kind == order, a.kind == coupon:
		return http.StatusCreated
	case a.kind == cancel && a.order.tooLate:
		return http.StatusConflict
	default:
		return http.StatusOK
	}
}
