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

// audit checks all that must hold once the shop has nothing left to do.
func (sim *simulation) audit() {
	sim.verify()
	sim.compareModel()
	sim.checkCards()
	sim.verifyRanking()
	sim.verifyPublished()
	sim.log.Info("audited", "orders", len(sim.model.orders))
}

// verify runs the checks of commerce verify.
func (sim *simulation) verify() {
	t := sim.t
	db, err := sim.database(sim.newEnv("auditor", "auditor", time.Now))
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

// verifyRanking compares the rankings with the database, as commerce ranking verify does.
func (sim *simulation) verifyRanking() {
	t := sim.t
	env := sim.newEnv("auditor", "auditor", time.Now)
	db, err := sim.database(env)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	client, err := redis.Open("redis://"+redisAddress, redis.WithDialer(sim.network.dialer("auditor")))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	time.Sleep(10 * time.Second) // the reconciler is well again within this time, even if another one has to take its lease
	board := redis.NewBoard(redis.NewCaller(client, redis.Patience, env.Clock, env.Log), "")
	v := leaderboard.NewVerifier(db, board, env.Clock, env.Log)
	days := ranking.OnBoard(time.Now())
	found, err := v.Verify(t.Context(), days, nil)
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

// compareModel compares what the customers were answered with the database, and both
// with the topics.
func (sim *simulation) compareModel() {
	t := sim.t
	db := sim.openRaw()
	defer db.Close()
	m := &sim.model
	compareLines(t, "orders", m.orderFacts(), column(t, db, `SELECT 'order ' || o.id || ' of ' || u.login_id || ' ' || o.status || ' ' || o.amount ||
		' by ' || o.points || ' points and ' || o.card || ' by card, coupon "' || coalesce(o.owned_coupon_id, '') || '", ' ||
		(SELECT group_concat(x, ',') FROM (SELECT product_id || 'x' || quantity || '@' || price AS x FROM order_lines l WHERE l.order_id = o.id ORDER BY x))
		FROM orders o JOIN users u ON u.id = o.user_id`))
	compareLines(t, "coupons", m.couponFacts(), column(t, db, `SELECT 'coupon ' || w.id || ' of ' || u.login_id || ', offer ' || substr(c.name, 7) ||
		', used by "' || coalesce(w.order_id, '') || '"' FROM owned_coupons w JOIN users u ON u.id = w.user_id JOIN coupons c ON c.id = w.coupon_id`))
	compareLines(t, "issues", m.offerFacts(), column(t, db, `SELECT name || ': ' || issued FROM coupons WHERE issued <> 0`))
	if wrong := m.soldOutWrongly(sim.offers); len(wrong) > 0 {
		t.Errorf("the offers %v were answered as sold out, and are not", wrong)
	}
	compareLines(t, "balances", m.walletFacts(), column(t, db, `SELECT 'balance of ' || u.login_id || ' ' || w.balance FROM wallets w JOIN users u ON u.id = w.user_id`))
	compareLines(t, "likes", m.likeFacts(), column(t, db, `SELECT u.login_id || ' likes ' || l.product_id FROM likes l JOIN users u ON u.id = l.user_id`))
	compareLines(t, "stock", m.stockFacts(), column(t, db, `SELECT 'stock of ' || product_id || ' ' || quantity FROM stocks`))
	compareLines(t, "counters of sales", m.countFacts(), column(t, db, `SELECT 'sales of ' || product_id || ' on ' || day || ': ' || orders || ' orders, ' ||
		quantity || ' pieces, ' || amount || ' won' FROM product_metrics WHERE orders <> 0 OR quantity <> 0 OR amount <> 0`))
	sim.checkKeys(db)
	compareLines(t, "rows in the outbox", nil, column(t, db, `SELECT event_id || ' ' || type FROM outbox`))
	sim.checkTopics(db)
}

// checkKeys checks that every answer of the last day is stored under its key, once,
// and that no other key is.
func (sim *simulation) checkKeys(db *sql.DB) {
	t := sim.t
	kept := column(t, db, `SELECT 'key ' || u.login_id || ' ' || k.key FROM idempotency_keys k JOIN users u ON u.id = k.user_id`)
	for _, key := range kept {
		if _, asked := sim.model.keys[strings.TrimPrefix(key, "key ")]; !asked {
			t.Errorf("%s is stored, and was never answered", key)
		}
	}
	young := slices.DeleteFunc(kept, func(key string) bool {
		return time.Since(sim.model.keys[strings.TrimPrefix(key, "key ")]) >= 23*time.Hour
	})
	compareLines(t, "idempotency keys", sim.model.keyFacts(time.Now()), young)
}

// checkLeases checks that processes that stopped in order hold no lease.
func (sim *simulation) checkLeases() {
	db := sim.openRaw()
	defer db.Close()
	compareLines(sim.t, "leases of programs that have stopped", nil,
		column(sim.t, db, fmt.Sprintf(`SELECT name || ' of ' || holder FROM leases WHERE until_us > %d`, time.Now().UnixMicro())))
}

// openRaw opens the database for queries in plain SQL.
func (sim *simulation) openRaw() *sql.DB {
	db, err := sql.Open("sqlite", "file:"+sim.file+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err != nil {
		sim.t.Fatal(err)
	}
	return db
}

func column(t *testing.T, db *sql.DB, query string) []string {
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

func compareLines(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
		t.Errorf("%s are not what was answered (-answered +found)\n%s", what, diff)
	}
}
