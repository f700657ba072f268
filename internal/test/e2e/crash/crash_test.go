package crash_test

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/faults"
	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
)

// Each purpose has random numbers of its own, all from the seed.
const (
	forFaults = iota
	forFile
	forPlan
)

// perFault is the time for each fault, on average: enough that the shop works in
// between, and so little that faults overlap.
const perFault = 3500 * time.Millisecond

var programs cluster.Programs

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &programs)) }

func TestCrashesLoseOrRepeatNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	seed := cluster.EnvNumber(t, "CRASH_SEED", rand.Uint64N(1_000_000))
	lines := int(cluster.EnvNumber(t, "CRASH_LINES", 4_000))
	kills := int(cluster.EnvNumber(t, "CRASH_KILLS", 8))
	t.Logf("to repeat it: CRASH_SEED=%d CRASH_LINES=%d CRASH_KILLS=%d", seed, lines, kills)
	rng := func(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, purpose)) }

	s := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute+settleTimeout+4*time.Duration(kills)*perFault)
	defer cancel()
	invoices := retailtest.Lines(t, rng(forFile), lines)
	s.commerce("migrate")
	s.commerce("seed", "--online-retail", retailtest.LinesFile(t, invoices))
	s.start(ctx)
	acts := plan(rng(forPlan), s.catalogue(ctx), s.createOffers(), invoices)
	planned := schedule(rng(forFaults), int64(len(acts)), kills)
	for _, f := range planned {
		t.Log(f)
	}

	c, in := s.run(ctx, seed, acts, planned)
	if in.Done(faults.Kill) < kills || in.Done(faults.Freeze) < minFreezes {
		t.Errorf("%d kills and %d freezes of %d faults", in.Done(faults.Kill), in.Done(faults.Freeze), len(planned))
	}
	stats := c.retrier.Stats()
	t.Logf("%d requests were answered, %d of them again for their key; %d attempts had no answer, and refused: %v; %d kills and %d freezes",
		len(acts), stats.Replayed, stats.Unanswered, stats.Refused, in.Done(faults.Kill), in.Done(faults.Freeze))
	s.awaitPayments(ctx)
	acts = append(acts, s.placeValidOrders(ctx, c, acts)...)
	s.settle(ctx)
	if err := c.repeat(ctx, acts); err != nil {
		t.Error(err)
	}
	s.checkCards(ctx, acts)
	s.checkDatabase(ctx, acts)
	s.checkTopics(ctx, acts)
	cluster.StopAll(ctx, s.db, s.services...)
}

// run lets customers act while faults happen. It returns when everything was
// answered and every process runs again.
func (s *shop) run(ctx context.Context, seed uint64, acts []*act, planned []faults.Fault) (*customers, *faults.Injector) {
	s.t.Helper()
	in := &faults.Injector{TB: s.t, Targets: s.targets, Faults: planned, Resolve: s.resolve, Database: "postgres"}
	c := newCustomers(s.t, seed, s.apis[0].URL, s.apis[1].URL)
	c.ended, c.rush = in.Reached, rushed(planned)
	unhurried := max(len(acts)-2*rush*len(planned), len(acts)/4)
	c.pause = time.Duration(len(planned)) * perFault * queues / time.Duration(unhurried)
	err := c.do(ctx, acts)
	in.Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	return c, in
}
