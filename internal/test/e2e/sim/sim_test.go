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
	seeds  = flag.Int("seeds", 6, "how many seeds to run")
	alone  = flag.Uint64("seed", 1, "the first of them; alone, if -seeds is not given")
	days   = flag.Int("days", 3, "how many days each lives through")
	debug  = flag.Bool("debug", false, "log all that the programs have to say")
	repeat = flag.Int("repeat", 1, "how often to run each seed")
)

// TestWhateverGoesWrongTheBooksAgree runs one world for each seed.
func TestWhateverGoesWrongTheBooksAgree(t *testing.T) {
	first, n := *alone, *seeds
	if given("seed") && !given("seeds") {
		n = 1
	}
	for i := range n {
		for try := range *repeat {
			t.Run(fmt.Sprintf("seed=%d/%d", first+uint64(i), try+1), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { one(t, first+uint64(i)) })
			})
		}
	}
}

func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// one runs a world. Its log is shown if it fails.
func one(t *testing.T, seed uint64) {
	t.Helper()
	level := slog.LevelInfo
	if *debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: level}))
	w := newWorld(t, seed, log)
	began := time.Now()
	defer func() {
		t.Logf("seed %d: %d orders, %v of virtual time, the villain's acts: %v", seed, len(w.model.sales), time.Since(began).Round(time.Second), w.faults)
		if t.Failed() {
			t.Logf("to see it again: go test -tags synctests ./internal/test/e2e/sim -seed %d -days %d -v", seed, *days)
		}
	}()
	w.live(*days)
}
