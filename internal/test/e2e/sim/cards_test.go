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

// tardy is how much later than its time an order may expire: a process may
// have died with the lease, and the gateway may hang before it is known that it does.
const tardy = time.Minute

// settled waits until every card payment has ended, and has the customers look
// at what became of theirs.
func (w *world) settled() {
	db := w.raw()
	defer db.Close()
	deadline := time.Now().Add(policy().Expiry + tardy)
	for {
		waiting := texts(w.t, db, `SELECT 'order ' || order_id || ': payment ' || status FROM payments WHERE status = 'PENDING'
			UNION ALL SELECT 'order ' || order_id || ': charge ' || charge_key || ' to be given back' FROM charges WHERE refund = 'DUE'`)
		if len(waiting) == 0 {
			break
		}
		if time.Now().After(deadline) {
			w.t.Errorf("all has been well for long, and yet: %v", waiting)
			return
		}
		time.Sleep(time.Second)
	}
	var going sync.WaitGroup
	for _, c := range w.customers {
		going.Go(c.lookAtAll)
	}
	going.Wait()
}

// sound has somebody pay with points that are there, and with a card that nothing
// is wrong with, at a gateway that is well: a shop that never takes any money would
// pass all else.
func (w *world) sound() {
	w.gateway.play(scenario("healthy"))
	defer w.gateway.play(scenario("default"))
	buyer, price := w.customers[0], wares[0].price
	buyer.charge() // more than it costs
	for _, q := range []wish{{points: price}, {cardOf: price, byCard: true}} {
		q.lines, q.amount = []line{{ProductID: 1, Quantity: 1}}, price
		how := map[bool]string{false: "points", true: "a card"}[q.byCard]
		before := len(w.model.orders(buyer.name))
		buyer.order(q)
		all := w.model.orders(buyer.name)
		if len(all) != before+1 {
			w.t.Errorf("%s cannot buy with %s at the end of the day", buyer.name, how)
			return
		}
		w.settled()
		if last := w.model.order(all[before].id); last.status != "PAID" {
			w.t.Errorf("order %s is %s, though nothing was wrong with %s", last.id, last.status, how)
		}
	}
}

// cards compares our books with what the gateway charged and gave back.
func (w *world) cards() {
	t := w.t
	w.askGateway()
	net, failed, known := map[string]int64{}, map[string]bool{}, map[string]int{}
	for _, c := range w.gateway.now.Transactions(pgsim.Filter{}) {
		net[c.OrderID] += c.Charged - c.Refunded
		failed[c.OrderID] = failed[c.OrderID] || c.Status == pgwire.Failed
		known[c.OrderID]++
		if c.Status == pgwire.Pending {
			t.Errorf("transaction %s of order %s is open at the end of the day", c.TransactionKey, c.OrderID)
		}
	}
	for oid, s := range w.model.sales {
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
		t.Errorf("the gateway has transactions of orders that nobody was told of: %v", known)
	}
	w.punctual()
}

// askGateway has the shop compare its books with the gateway's, as commerce
// verify --gateway does.
func (w *world) askGateway() {
	t := w.t
	outside := w.outside("auditor", "auditor", time.Now)
	db, err := w.database(outside)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	client, err := outside.GatewayClient(wire.Gateway{URL: "http://" + gatewayAddress, Dial: w.network.dialer("auditor")})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r, err := verify.New(db).AtGateway(t.Context(), client, time.Minute, func(int64) {})
	if err != nil || !r.Right() {
		t.Errorf("commerce verify --gateway: %v, %+v", err, r.Differences)
	}
}

// punctual checks that no payment took longer than it may.
func (w *world) punctual() {
	db := w.raw()
	defer db.Close()
	limit := policy().Expiry + tardy
	late := texts(w.t, db, fmt.Sprintf(`SELECT 'order ' || order_id || ' ' || status || ' after ' || (ended_us - created_us) / 1000 || ' ms'
		FROM payments WHERE ended_us - created_us > %d`, limit.Microseconds()))
	same(w.t, "payments that took longer than they may", nil, late)
}

// refunds is how many charges of each order the gateway gave back.
func (w *world) refunds() map[string]int {
	n := map[string]int{}
	for _, c := range w.gateway.now.Transactions(pgsim.Filter{}) {
		if c.Refunded > 0 {
			n[c.OrderID]++
		}
	}
	return n
}
