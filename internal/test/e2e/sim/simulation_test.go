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

// Each purpose has random numbers of its own.
const (
	forNetwork = iota + 1
	forKafka
	forRedis
	forIDs
	forJitter
	forCalendar
	forFaults
	forGateway
	forClocks
	forJobs
	forCustomers // and on
)

// simulation is everything in one bubble.
type simulation struct {
	t       *testing.T
	seed    uint64
	log     *slog.Logger
	file    string // of the database
	network *network
	kafka   *broker
	redis   *redisServer
	disk    disk
	gateway *gateway
	offers  []coupon.Coupon
	ids     *rng
	random  *rng
	clocks  *rng
	jobs    *rng
	plan    *rng // of the days

	firstDay  clock.Day // on which anything may have happened
	starts    int
	processes []*process
	customers []*customer
	model     model

	mu     sync.Mutex
	faults map[string]int // how often each kind was injected
	ends   []string       // how often executions of jobs ended with each exit code
}

const customerCount = 5

// products are what the shop sells. Of one there are few.
var products = []struct{ price, stock int64 }{{1000, 1_000_000}, {2500, 1_000_000}, {100, 40}, {700, 1_000_000}}

func newSimulation(t *testing.T, seed uint64, log *slog.Logger) *simulation {
	t.Helper()
	dir := t.TempDir()
	network := newNetwork(rand.New(rand.NewPCG(seed, forNetwork)))
	secret, err := pgwire.NewSecret(newRNG(seed, forGateway))
	if err != nil {
		t.Fatal(err)
	}
	sim := &simulation{
		t: t, seed: seed, log: log, file: filepath.Join(dir, "shop.db"), network: network,
		kafka: &broker{network: network, dir: filepath.Join(dir, "kafka"), failures: failureRate{rng: newRNG(seed, forKafka)}},
		redis: &redisServer{network: network, failures: failureRate{rng: newRNG(seed, forRedis)}},
		ids:   newRNG(seed, forIDs), random: newRNG(seed, forJitter), clocks: newRNG(seed, forClocks), jobs: newRNG(seed, forJobs), plan: newRNG(seed, forCalendar),
		model: newModel(), faults: map[string]int{},
	}
	sim.gateway = &gateway{network: network, journal: filepath.Join(dir, "gateway.jsonl"), seed: seed, secret: secret, log: log, scenario: scenario("default")}
	for i := range customerCount {
		sim.customers = append(sim.customers, newCustomer(sim, i))
	}
	return sim
}

// seedShop creates the database and fills the shop.
func (sim *simulation) seedShop(ctx context.Context) error {
	env := sim.newEnv("builder", "builder", time.Now)
	db, err := sim.database(env)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	sim.offers = offers(env.IDs)
	shop := seed.Shop{Brands: []seed.Brand{{Name: "Acme"}}, Coupons: sim.offers}
	for i, ware := range products {
		shop.Brands[0].Products = append(shop.Brands[0].Products, seed.Product{
			SKU: fmt.Sprintf("p%d", i+1), Name: fmt.Sprintf("Product %d", i+1), Price: toWon(ware.price), Stock: ware.stock,
		})
	}
	for _, c := range sim.customers {
		shop.Customers = append(shop.Customers, seed.Customer{
			LoginID: c.name, Email: c.name + "@customers.example", BirthDate: "1990-01-01", Gender: user.Female, Points: initialPoints,
		})
	}
	_, err = seed.New(db, env.IDs, env.Clock).Seed(ctx, shop, func(int) {})
	return err
}

// run runs the simulation for some days.
func (sim *simulation) run(days int) {
	t := sim.t
	sim.sleepUntil(time.Date(2026, time.March, 2, 12, 0, 0, 0, clock.KST))
	sim.firstDay = clock.DayOf(time.Now())
	if err := sim.seedShop(t.Context()); err != nil {
		t.Fatal(err)
	}
	sim.kafka.start(t)
	sim.redis.start(t)
	sim.gateway.start(t)
	for day := 1; day <= days && !t.Failed(); day++ {
		sim.sleepUntil(sim.nextEvening())
		sim.log.Info("the shop opens", "day", day)
		sim.runDay()
	}
	sim.shutDown()
}

// shutDown ends every goroutine of the bubble.
func (sim *simulation) shutDown() {
	for _, p := range sim.processes {
		p.kill()
	}
	sim.processes = nil
	sim.kafka.stop()
	sim.redis.stop()
	sim.gateway.kill()
	for _, c := range sim.customers {
		c.client.HTTP.CloseIdleConnections()
	}
	// go-redis dials a server that was away once a second, and sees only then that its pool is closed.
	time.Sleep(2 * time.Second)
}

// nextEvening returns a time shortly before the next midnight, or before one some days or weeks later.
func (sim *simulation) nextEvening() time.Time {
	next := clock.DayOf(time.Now()).Add(1)
	if sim.plan.chance(0.2) {
		next = next.Add(1 + sim.plan.IntN(maxSkippedDays))
	}
	if sim.plan.chance(0.1) {
		next = next.Add(handledDays + sim.plan.IntN(maxSkippedDays))
	}
	return next.Start().Add(-sim.plan.between(5*time.Second, 70*time.Second))
}

// maxSkippedDays is how many days may be skipped: more than a ranking looks back.
const maxSkippedDays = 9

// handledDays is for how many days the marks of counted events are kept.
const handledDays = int(housekeeping.HandledLife / (24 * time.Hour))

// sleepUntil lets virtual time pass.
func (sim *simulation) sleepUntil(at time.Time) { time.Sleep(time.Until(at)) }

// logFault counts and logs a fault.
func (sim *simulation) logFault(what string, args ...any) {
	sim.mu.Lock()
	sim.faults[what]++
	sim.mu.Unlock()
	sim.log.With(args...).Info("fault", "what", what)
}

// runDay opens the shop over a midnight, with faults, and checks it afterwards.
func (sim *simulation) runDay() {
	t := sim.t
	if sim.redis.server == nil {
		sim.redis.start(t)
	}
	for range 1 + sim.plan.IntN(2) {
		sim.processes = append(sim.processes, sim.startProcess(t, sim.newInstance()))
	}
	closing := time.Now().Add(sim.plan.between(50*time.Second, 120*time.Second))
	var going sync.WaitGroup
	going.Go(func() { sim.injectFaults(closing) })
	for _, c := range sim.customers {
		going.Go(func() { c.shop(closing) })
	}
	going.Wait()
	sim.repair()
	sim.repeatUnsure()
	sim.awaitPayments()
	sim.placeValidOrders()
	if !t.Failed() {
		sim.audit()
	}
	sim.ends = sim.endsOfJobs()
	sim.closeShop()
}

// newInstance returns a new name that holds leases, or the one that commerce dev always has.
func (sim *simulation) newInstance() string {
	if len(sim.processes) == 0 && sim.plan.chance(0.5) {
		return "commerce dev"
	}
	return fmt.Sprintf("instance-%d", sim.starts+1)
}

// repeatUnsure waits until no request has an effect any more, and lets the customers repeat
// the likes of which they are not sure.
func (sim *simulation) repeatUnsure() {
	time.Sleep(requestTimeout)
	var going sync.WaitGroup
	for _, c := range sim.customers {
		going.Go(c.repeatUnsure)
	}
	going.Wait()
}

// closeShop stops the processes in order, after which no lease may be held, or kills them.
func (sim *simulation) closeShop() {
	t := sim.t
	kind := sim.plan.IntN(4)
	for _, p := range sim.processes {
		if kind == 0 {
			p.kill()
			continue
		}
		if err := p.stop(); err != nil {
			t.Errorf("%s ended with %v", p.name, err)
		}
	}
	sim.processes = nil
	if kind != 0 && !t.Failed() {
		sim.checkLeases()
	}
	if sim.plan.chance(0.5) {
		sim.kafka.stop()
		sim.kafka.start(t)
	}
	if sim.plan.chance(0.3) {
		sim.redis.stop()
	}
	if sim.plan.chance(0.3) {
		sim.gateway.kill()
		sim.gateway.start(t)
	}
}
