//go:build synctests

package sim_test

import (
	"flag"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seeds     = flag.Int("seeds", 2, "how many seeds to run")
	firstSeed = flag.Uint64("seed", 1, "the first of them; alone, if -seeds is not given")
	days      = flag.Int("days", 3, "how many days each lives through")
	debug     = flag.Bool("debug", false, "log all that the programs have to say")
	repeat    = flag.Int("repeat", 1, "how often to run each seed")
)

// TestTheShopIsConsistentWhateverFails runs one simulation for each seed.
func TestTheShopIsConsistentWhateverFails(t *testing.T) {
	first, n := *firstSeed, *seeds
	if isSet("seed") && !isSet("seeds") {
		n = 1
	}
	for i := range n {
		for try := range *repeat {
			t.Run(fmt.Sprintf("seed=%d/%d", first+uint64(i), try+1), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { runSeed(t, first+uint64(i)) })
			})
		}
	}
}

func isSet(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// runSeed runs a simulation. Its log is shown if it fails.
func runSeed(t *testing.T, seed uint64) {
	t.Helper()
	level := slog.LevelInfo
	if *debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level}))
	sim := newSimulation(t, seed, log)
	began := time.Now()
	defer func() {
		t.Logf("seed %d: %d orders, %v of virtual time, faults: %v, ends of jobs: %v",
			seed, len(sim.model.orders), time.Since(began).Round(time.Second), sim.faults, sim.ends)
		if t.Failed() {
			t.Logf("to repeat it: go test -tags synctests ./internal/test/e2e/sim -seed %d -days %d -v", seed, *days)
		}
	}()
	sim.run(*days)
}
