//go:build synctests

package sim_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/pgsim"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// expiryTolerance is how much later than its expiry an order may end: a process may
// have died with the lease, and the gateway may hang.
const expiryTolerance = time.Minute

// awaitPayments waits until every card payment has ended, and lets the customers view
// their orders.
func (sim *simulation) awaitPayments() {
	db := sim.openRaw()
	defer db.Close()
	deadline := time.Now().Add(policy().Expiry + expiryTolerance)
	for {
		waiting := column(sim.t, db, `SELECT 'order ' || order_id || ': payment ' || status FROM payments WHERE status = 'PENDING'
			UNION ALL SELECT 'order ' || order_id || ': charge ' || charge_key || ' to be given back' FROM charges WHERE refund = 'DUE'`)
		if len(waiting) == 0 {
			break
		}
		if time.Now().After(deadline) {
			sim.t.Errorf("the payments are not settled in time: %v", waiting)
			return
		}
		time.Sleep(time.Second)
	}
	var going sync.WaitGroup
	for _, c := range sim.customers {
		going.Go(c.viewPending)
	}
	going.Wait()
}

// placeValidOrders places an order paid by points and one paid by card while the gateway
// works. Both must be paid: else a shop that never takes money would pass this test.
func (sim *simulation) placeValidOrders() {
	sim.gateway.setScenario(scenario("healthy"))
	defer sim.gateway.setScenario(scenario("default"))
	buyer, price := sim.customers[0], products[0].price
	buyer.charge() // more than it costs
	for _, q := range []orderPlan{{points: price}, {card: price, byCard: true}} {
		q.lines, q.amount = []line{{ProductID: 1, Quantity: 1}}, price
		how := map[bool]string{false: "points", true: "a card"}[q.byCard]
		before := len(sim.model.ordersOf(buyer.name))
		buyer.place(q)
		all := sim.model.ordersOf(buyer.name)
		if len(all) != before+1 {
			sim.t.Errorf("%s cannot buy with %s at the end of the day", buyer.name, how)
			return
		}
		sim.awaitPayments()
		if last := sim.model.order(all[before].id); last.status != "PAID" {
			sim.t.Errorf("order %s is %s, though nothing was wrong with %s", last.id, last.status, how)
		}
	}
}

// checkCards compares the orders with what the gateway has charged and refunded.
func (sim *simulation) checkCards() {
	t := sim.t
	sim.verifyGateway()
	net, failed, known := map[string]int64{}, map[string]bool{}, map[string]int{}
	for _, c := range sim.gateway.simulator.Transactions(pgsim.Filter{}) {
		net[c.OrderID] += c.Charged - c.Refunded
		failed[c.OrderID] = failed[c.OrderID] || c.Status == pgwire.Failed
		known[c.OrderID]++
		if c.Status == pgwire.Pending {
			t.Errorf("transaction %s of order %s is open at the end of the day", c.TransactionKey, c.OrderID)
		}
	}
	for oid, s := range sim.model.orders {
		want := int64(0)
		if s.status == "PAID" {
			want = s.card
		}
		if net[oid] != want {
			t.Errorf("order %s is %s: the gateway keeps %d won of it, want %d", oid, s.status, net[oid], want)
		}
		if s.status == "FAILED" && !failed[oid] {
			t.Errorf("order %s is FAILED, and the gateway has declined nothing", oid)
		}
		delete(known, oid)
	}
	if len(known) > 0 {
		t.Errorf("the gateway has transactions of orders that no customer knows: %v", known)
	}
	sim.checkExpiry()
}

// verifyGateway runs the check of commerce verify --gateway.
func (sim *simulation) verifyGateway() {
	t := sim.t
	env := sim.newEnv("auditor", "auditor", time.Now)
	db, err := sim.database(env)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	client, err := env.GatewayClient(wire.Gateway{URL: "http://" + gatewayAddress, Dial: sim.network.dialer("auditor")})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r, err := verify.New(db).AtGateway(t.Context(), client, time.Minute, func(int64) {})
	if err != nil || !r.Right() {
		t.Errorf("commerce verify --gateway: %v, %+v", err, r.Differences)
	}
}

// checkExpiry checks that no payment took longer than it may.
func (sim *simulation) checkExpiry() {
	db := sim.openRaw()
	defer db.Close()
	limit := policy().Expiry + expiryTolerance
	late := column(sim.t, db, fmt.Sprintf(`SELECT 'order ' || order_id || ' ' || status || ' after ' || (ended_us - created_us) / 1000 || ' ms'
		FROM payments WHERE ended_us - created_us > %d`, limit.Microseconds()))
	compareLines(sim.t, "payments that took longer than they may", nil, late)
}

// refunds returns how many charges of each order the gateway has refunded.
func (sim *simulation) refunds() map[string]int {
	n := map[string]int{}
	for _, c := range sim.gateway.simulator.Transactions(pgsim.Filter{}) {
		if c.Refunded > 0 {
			n[c.OrderID]++
		}
	}
	return n
}
