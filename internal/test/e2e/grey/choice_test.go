package grey_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// choose returns the faults of this run: GREY_FAULTS of those whose names contain one of the
// texts in GREY_ONLY, each as often as the others.
func choose(t *testing.T) (chosen []fault) {
	t.Helper()
	only := strings.FieldsFunc(os.Getenv("GREY_ONLY"), func(r rune) bool { return r == ',' })
	all := slices.DeleteFunc(possible(t), func(f fault) bool {
		return len(only) > 0 && !slices.ContainsFunc(only, func(text string) bool { return strings.Contains(f.name, strings.TrimSpace(text)) })
	})
	if len(all) == 0 {
		t.Fatalf("no fault has a name with one of %q", only)
	}
	fallback := 3
	if len(only) > 0 {
		fallback = len(all)
	}
	seed, n := cluster.EnvNumber(t, "GREY_SEED", rand.Uint64N(1_000_000)), int(cluster.EnvNumber(t, "GREY_FAULTS", uint64(fallback)))
	t.Logf("to repeat it: GREY_SEED=%d GREY_FAULTS=%d GREY_ONLY='%s'", seed, n, strings.Join(only, ","))
	return draw(rand.New(rand.NewPCG(seed, 0)), all, n)
}

// possible returns the faults that this machine permits.
func possible(t *testing.T) []fault {
	t.Helper()
	all := faults()
	err := mountable(t)
	if err == nil {
		return all
	}
	var left []string
	all = slices.DeleteFunc(all, func(f fault) bool {
		if f.disk != "" {
			left = append(left, f.name)
		}
		return f.disk != ""
	})
	t.Logf("ATTENTION: no disk can be mounted here, so that %d faults are LEFT OUT: %s. Run the test as root. (%v)", len(left), strings.Join(left, "; "), err)
	return all
}

// mountable returns why no disk can be mounted here.
func mountable(t *testing.T) error {
	t.Helper()
	d, err := cluster.Mount(t, filepath.Join(t.TempDir(), "disk"), 1, nil)
	if err != nil {
		return err
	}
	return d.Unmount()
}

// draw draws n faults, each kind as often as the others.
func draw(rng *rand.Rand, all []fault, n int) (drawn []fault) {
	for len(drawn) < n {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		drawn = append(drawn, all[:min(len(all), n-len(drawn))]...)
	}
	return drawn
}

// disksOf returns the disks that faults need.
func disksOf(all []fault) map[string]bool {
	disks := map[string]bool{}
	for _, f := range all {
		if f.disk != "" {
			disks[f.disk] = true
		}
	}
	return disks
}
