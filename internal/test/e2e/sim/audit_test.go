//go:build synctests

package sim_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// audit checks all that must hold once nothing is under way any more.
func (w *world) audit() {
	w.books()
	w.recount()
	w.cards()
	w.boards()
	w.log.Info("audited", "orders", len(w.model.sales))
}

// books has the shop verify its own books, as commerce verify does.
func (w *world) books() {
	t := w.t
	db, err := w.database(w.outside("auditor", "auditor", time.Now))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	results, err := verify.New(db).Settled(t.Context(), time.Minute, nil)
	if err != nil {
		t.Errorf("verify: %v", err)
	}
	for _, r := range results {
		if !r.Right() {
			t.Errorf("commerce verify: %s (%s): %+v", r.Check, r.Compares, r.Differences)
		}
	}
}

// boards compares every board with the database, as ranking verify does.
func (w *world) boards() {
	t := w.t
	outside := w.outside("auditor", "auditor", time.Now)
	db, err := w.database(outside)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	client, err := redis.Open("redis://"+redisAddress, redis.WithDialer(w.network.dialer("auditor")))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	time.Sleep(5 * time.Second) // a keeper that must wait for a lease, or for Redis, has had its turn
	board := redis.NewBoard(client, "", outside.Clock, outside.Log)
	v := leaderboard.NewVerifier(db, board, ranking.DefaultWeights(), outside.Clock, outside.Log)
	days := ranking.OnBoard(time.Now())
	found, err := v.Verify(t.Context(), days)
	if err != nil || len(found.Days) != len(days[:slices.Index(days, clock.DayOf(time.Now()))+1]) {
		t.Errorf("ranking verify: %v, days %v of %v", err, found.Days, days)
	}
	for _, d := range found.Differences {
		t.Errorf("ranking verify: product %d on %s, %s: want %v, got %v", d.ProductID, d.Day, d.What, show(d.Want), show(d.Got))
	}
}

func show(n *int64) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}

// recount compares what the customers were answered with what the tables hold,
// and both with the topics.
func (w *world) recount() {
	t := w.t
	db := w.raw()
	defer db.Close()
	m := &w.model
	same(t, "orders", m.orderFacts(), texts(t, db, `SELECT 'order ' || o.id || ' of ' || u.login_id || ' ' || o.status || ' ' || o.amount ||
		' by ' || o.points || ' points and ' || o.card || ' by card, coupon "' || coalesce(o.owned_coupon_id, '') || '", ' ||
		(SELECT group_concat(x, ',') FROM (SELECT product_id || 'x' || quantity || '@' || price AS x FROM order_lines l WHERE l.order_id = o.id ORDER BY x))
		FROM orders o JOIN users u ON u.id = o.user_id`))
	same(t, "coupons", m.couponFacts(), texts(t, db, `SELECT 'coupon ' || w.id || ' of ' || u.login_id || ', offer ' || substr(c.name, 7) ||
		', used by "' || coalesce(w.order_id, '') || '"' FROM owned_coupons w JOIN users u ON u.id = w.user_id JOIN coupons c ON c.id = w.coupon_id`))
	same(t, "issues", m.offerFacts(), texts(t, db, `SELECT name || ': ' || issued FROM coupons WHERE issued <> 0`))
	if wrong := m.soldOutWrongly(w.offers); len(wrong) > 0 {
		t.Errorf("somebody was told that none is left of the offers %v", wrong)
	}
	same(t, "balances", m.walletFacts(), texts(t, db, `SELECT 'balance of ' || u.login_id || ' ' || w.balance FROM wallets w JOIN users u ON u.id = w.user_id`))
	same(t, "likes", m.likeFacts(), texts(t, db, `SELECT u.login_id || ' likes ' || l.product_id FROM likes l JOIN users u ON u.id = l.user_id`))
	same(t, "stock", m.stockFacts(), texts(t, db, `SELECT 'stock of ' || product_id || ' ' || quantity FROM stocks`))
	same(t, "counters of sales", m.countFacts(), texts(t, db, `SELECT 'sales of ' || product_id || ' on ' || day || ': ' || orders || ' orders, ' ||
		quantity || ' pieces, ' || amount || ' won' FROM product_metrics WHERE orders <> 0 OR quantity <> 0 OR amount <> 0`))
	w.keys(db)
	same(t, "rows in the outbox", nil, texts(t, db, `SELECT event_id || ' ' || type FROM outbox`))
	w.topics(db)
}

// keys checks that the answers of the last day are all kept, once, and none
// that nobody asked for.
func (w *world) keys(db *sql.DB) {
	t := w.t
	kept := texts(t, db, `SELECT 'key ' || u.login_id || ' ' || k.key FROM idempotency_keys k JOIN users u ON u.id = k.user_id`)
	for _, key := range kept {
		if _, asked := w.model.keys[strings.TrimPrefix(key, "key ")]; !asked {
			t.Errorf("%s is kept, which was never answered", key)
		}
	}
	young := slices.DeleteFunc(kept, func(key string) bool {
		return time.Since(w.model.keys[strings.TrimPrefix(key, "key ")]) >= 23*time.Hour
	})
	same(t, "idempotency keys", w.model.keyFacts(time.Now()), young)
}

// nothingHeld checks that processes that stopped in order hold nothing any more.
func (w *world) nothingHeld() {
	db := w.raw()
	defer db.Close()
	same(w.t, "leases of programs that have stopped", nil,
		texts(w.t, db, fmt.Sprintf(`SELECT name || ' of ' || holder FROM leases WHERE until_us > %d`, time.Now().UnixMicro())))
}

// raw opens the database beside the shop, for questions in plain SQL.
func (w *world) raw() *sql.DB {
	db, err := sql.Open("sqlite", "file:"+w.file+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

func texts(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		t.Errorf("%s are not what was answered (-answered +found)\n%s", what, diff)
	}
}
