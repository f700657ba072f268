//go:build synctests

package sim_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
	"github.com/loopers-commerce/commerce/internal/domain/coupon"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// Purposes of dice.
const (
	forNetwork = iota + 1
	forKafka
	forRedis
	forIDs
	forJitter
	forCalendar
	forVillain
	forGateway
	forClocks
	forCustomers // and on
)

// world is everything there is in one bubble.
type world struct {
	t       *testing.T
	seed    uint64
	log     *slog.Logger
	file    string // of the database
	network *network
	kafka   *broker
	redis   *board
	gateway *bank
	offers  []coupon.Coupon
	ids     *dice
	jitter  *dice
	clocks  *dice
	plan    *dice // of the days

	births    int
	processes []*process
	customers []*customer
	model     model

	mu     sync.Mutex
	faults map[string]int // what the villain did, by kind
}

const people = 5

// wares are the products: price and stock. Of one there are few.
var wares = []struct{ price, stock int64 }{{1000, 1_000_000}, {2500, 1_000_000}, {100, 40}, {700, 1_000_000}}

func newWorld(t *testing.T, seed uint64, log *slog.Logger) *world {
	t.Helper()
	dir := t.TempDir()
	network := newNetwork(rand.New(rand.NewPCG(seed, forNetwork)))
	secret, err := pgwire.NewSecret(newDice(seed, forGateway))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, seed: seed, log: log, file: filepath.Join(dir, "shop.db"), network: network,
		kafka: &broker{network: network, dir: filepath.Join(dir, "kafka"), mood: mood{dice: newDice(seed, forKafka)}},
		redis: &board{network: network, mood: mood{dice: newDice(seed, forRedis)}},
		ids:   newDice(seed, forIDs), jitter: newDice(seed, forJitter), clocks: newDice(seed, forClocks), plan: newDice(seed, forCalendar),
		model: newModel(), faults: map[string]int{},
	}
	w.gateway = &bank{network: network, journal: filepath.Join(dir, "gateway.jsonl"), seed: seed, secret: secret, log: log, scenario: scenario("default")}
	for i := range people {
		w.customers = append(w.customers, newCustomer(w, i))
	}
	return w
}

// furnish makes the database and fills the shop.
func (w *world) furnish(ctx context.Context) error {
	outside := w.outside("builder", "builder", time.Now)
	db, err := w.database(outside)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	w.offers = offers(outside.IDs)
	shop := seed.Shop{Brands: []seed.Brand{{Name: "Acme"}}, Coupons: w.offers}
	for i, ware := range wares {
		shop.Brands[0].Products = append(shop.Brands[0].Products, seed.Product{
			SKU: fmt.Sprintf("p%d", i+1), Name: fmt.Sprintf("Product %d", i+1), Price: won(ware.price), Stock: ware.stock,
		})
	}
	for _, c := range w.customers {
		shop.Customers = append(shop.Customers, seed.Customer{
			LoginID: c.name, Email: c.name + "@customers.example", BirthDate: "1990-01-01", Gender: user.Female, Points: purse,
		})
	}
	_, err = seed.New(db, outside.IDs, outside.Clock).Seed(ctx, shop, func(int) {})
	return err
}

// live is the whole story of a world.
func (w *world) live(days int) {
	t := w.t
	w.until(time.Date(2026, time.March, 2, 12, 0, 0, 0, clock.KST))
	if err := w.furnish(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.kafka.start(t)
	w.redis.start(t)
	w.gateway.start(t)
	for day := 1; day <= days && !t.Failed(); day++ {
		w.until(w.eve())
		w.log.Info("the shop opens", "day", day)
		w.day()
	}
	w.end()
}

// end leaves nobody behind in the bubble.
func (w *world) end() {
	for _, p := range w.processes {
		p.kill()
	}
	w.processes = nil
	w.kafka.stop()
	w.redis.stop()
	w.gateway.kill()
	for _, c := range w.customers {
		c.http.CloseIdleConnections()
	}
}

// eve is a moment shortly before the next midnight, or one some days or weeks later.
func (w *world) eve() time.Time {
	next := clock.DayOf(time.Now()).Add(1)
	if w.plan.chance(0.2) {
		next = next.Add(1 + w.plan.IntN(ahead))
	}
	if w.plan.chance(0.1) {
		next = next.Add(memory + w.plan.IntN(ahead))
	}
	return next.Start().Add(-w.plan.between(5*time.Second, 70*time.Second))
}

// ahead is how many days may be skipped: as far as a board looks back, and further.
const ahead = 9

// memory is how many days it is remembered that an event was counted.
const memory = int(housekeeping.HandledLife / (24 * time.Hour))

// until lets time pass; with the shop closed that takes none.
func (w *world) until(at time.Time) { time.Sleep(time.Until(at)) }

// did counts and logs an act of the villain.
func (w *world) did(what string, args ...any) {
	w.mu.Lock()
	w.faults[what]++
	w.mu.Unlock()
	w.log.With(args...).Info("villain", "does", what)
}

// day is one opening of the shop, over a midnight, with all that goes wrong.
func (w *world) day() {
	t := w.t
	if w.redis.server == nil {
		w.redis.start(t)
	}
	for range 1 + w.plan.IntN(2) {
		w.processes = append(w.processes, w.begin(t, w.instance()))
	}
	closing := time.Now().Add(w.plan.between(50*time.Second, 120*time.Second))
	var going sync.WaitGroup
	going.Go(func() { w.villain(closing) })
	for _, c := range w.customers {
		going.Go(func() { c.shop(closing) })
	}
	going.Wait()
	w.heal()
	w.quiet()
	w.settled()
	w.sound()
	if !t.Failed() {
		w.audit()
	}
	w.night()
}

// instance is a new name to hold leases by, or the one that commerce dev always has.
func (w *world) instance() string {
	if len(w.processes) == 0 && w.plan.chance(0.5) {
		return "commerce dev"
	}
	return fmt.Sprintf("instance-%d", w.births+1)
}

// quiet has the customers see to what they are not sure of, and waits until all
// that is under way has arrived.
func (w *world) quiet() {
	time.Sleep(requestTime)
	var going sync.WaitGroup
	for _, c := range w.customers {
		going.Go(c.settle)
	}
	going.Wait()
}

// night closes the shop: in order, so that nothing may be left behind, or by
// pulling the plug.
func (w *world) night() {
	t := w.t
	kind := w.plan.IntN(4)
	for _, p := range w.processes {
		if kind == 0 {
			p.kill()
			continue
		}
		if err := p.stop(); err != nil {
			t.Errorf("%s ended with %v", p.name, err)
		}
	}
	w.processes = nil
	if kind != 0 && !t.Failed() {
		w.nothingHeld()
	}
	if w.plan.chance(0.5) {
		w.kafka.stop()
		w.kafka.start(t)
	}
	if w.plan.chance(0.3) {
		w.redis.stop()
	}
	if w.plan.chance(0.3) {
		w.gateway.kill()
		w.gateway.start(t)
	}
}
