package streaming_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/faults"
	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
)

// Each purpose has random numbers of its own, all from the seed.
const (
	forFaults = iota
	forFile
	forMix
)

const (
	// perFault is the time for each fault, on average, and perSecond how many records are
	// published at most. The longer of the two decides.
	perFault  = 800 * time.Millisecond
	perSecond = 8_000
	// drainTime is how long the groups may need for what is left.
	drainTime = 2 * time.Minute
)

// size is how much a run of the test does.
type size struct {
	seed   uint64
	events int
	kills  int // of streamers
}

func (z size) rng(purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(z.seed, purpose)) }

func TestEveryEventCountsOnceWhateverIsKilled(t *testing.T) {
	t.Parallel()
	z := size{
		cluster.EnvNumber(t, "STREAMING_SEED", rand.Uint64N(1_000_000)), int(cluster.EnvNumber(t, "STREAMING_EVENTS", 20_000)),
		int(cluster.EnvNumber(t, "STREAMING_KILLS", 5)),
	}
	t.Logf("to repeat it: STREAMING_SEED=%d STREAMING_EVENTS=%d STREAMING_KILLS=%d", z.seed, z.events, z.kills)
	ctx := t.Context()
	on, own := ownPostgres(t, true)
	s := open(t, on, own)
	lines := retailtest.Lines(t, z.rng(forFile), z.events/2)
	m, c := newMix(t, z.rng(forMix), s.sell(lines), lines, z.events), newRecount(t)
	p := newPoisoner(m)
	s.breakDatabase(ctx, p, c)
	s.start(ctx)
	s.streamer().EndWithTest(ctx) // joins later

	bad := s.feedAmidFaults(ctx, z, m, p, c)
	s.check(ctx, c)
	s.checkDesk(s.letters(bad, 0))
	s.checkParked(ctx)

	s.mendDatabase(ctx, p, c)
	c.mend(bad)
	for i, state := range []string{"NEW", "REPLAYED"} { // the second time for nothing
		s.replay(ctx, state)
		s.check(ctx, c)
		s.checkDesk(s.letters(bad, i+1))
	}
	s.checkParked(ctx)
	if out := s.commerce("ranking", "verify"); !strings.Contains(out, " 0 differences") {
		t.Errorf("ranking verify:\n%s", out)
	}
	for _, p := range s.streamers[:2] {
		p.Stop()
	}
}

// feedAmidFaults publishes the events while faults happen. It returns the poison among
// them when everything is processed.
func (s *shop) feedAmidFaults(ctx context.Context, z size, m *mix, p *poisoner, c *recount) []poison {
	s.t.Helper()
	planned := schedule(z.rng(forFaults), int64(z.events), z.kills)
	for _, f := range planned {
		s.t.Log(f)
	}
	in := &faults.Injector{TB: s.t, Targets: s.targets, Faults: planned, Database: "postgres"}
	f := &feed{shop: s, in: in, pace: max(time.Second/perSecond, time.Duration(len(planned))*perFault/time.Duration(z.events))}
	began := time.Now()
	bad := f.run(ctx, m, p.day, c)
	in.Wait()
	fed := time.Since(began)
	if in.Done(faults.Kill) != z.kills+2 || in.Done(faults.Join) != 2 || in.Done(faults.Leave) != 2 || len(bad) != poisonCount {
		s.t.Errorf("%d kills, %d joined, %d left; %d records are poison", in.Done(faults.Kill), in.Done(faults.Join), in.Done(faults.Leave), len(bad))
	}
	s.awaitEnd(ctx, drainTime+fed)
	s.t.Logf("%d records of %d events in %v, and %v until all were processed",
		f.sent.Load(), len(c.logged), fed.Round(time.Millisecond), (time.Since(began) - fed).Round(time.Millisecond))
	return bad
}

// start starts two streamers.
func (s *shop) start(ctx context.Context) {
	s.t.Helper()
	s.streamer().Launch(ctx)
	s.streamer().Launch(ctx)
}

// feed publishes the events.
type feed struct {
	*shop

	in   *faults.Injector
	pace time.Duration // for each record
	sent atomic.Int64
}

// run publishes the events of all days, one day after the other, and recounts them. It
// returns the poison among them.
func (f *feed) run(ctx context.Context, m *mix, poisoned func(clock.Day) []poison, c *recount) (bad []poison) {
	f.t.Helper()
	for _, d := range m.first.Until(m.first.Add(days - 1)) {
		all := m.day(d)
		for _, r := range all {
			c.count(r)
			c.log(r)
		}
		all = m.repeated(all)
		for _, one := range poisoned(d) {
			bad = append(bad, one)
			all = append(all, one.record)
			c.poisoned(one)
		}
		m.shuffle(all)
		f.publish(ctx, all)
	}
	return bad
}

// publish publishes records at the pace, and starts the faults that are due.
func (f *feed) publish(ctx context.Context, all []*kgo.Record) {
	f.t.Helper()
	const batch = 50 * time.Millisecond
	for part := range slices.Chunk(all, max(1, int(batch/f.pace))) {
		began := time.Now()
		if err := f.produce(ctx, part); err != nil {
			f.t.Fatal(err)
		}
		f.in.Reached(ctx, f.sent.Add(int64(len(part))))
		backoff.Wait(ctx, time.Duration(len(part))*f.pace-time.Since(began))
	}
}
