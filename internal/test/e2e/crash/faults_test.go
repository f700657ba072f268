package crash_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/faults"
)

const (
	relay   = "relay"   // the API that relays the outbox at that time
	standby = "standby" // the other API
	// maxDelay is longer than an event takes from its commit to the ranking.
	maxDelay = 25 * time.Millisecond
	// rush is how many requests before and after a fault come without a pause, so
	// that it hits a busy shop.
	rush       = 40
	minFreezes = 3
)

func allTargets() []string {
	return []string{relay, "streamer-1", "kafka", standby, "redis", "streamer-2", "gateway", "postgres"}
}

// schedule draws the faults for this many requests. It depends on the random
// numbers alone. All targets are killed about equally often.
func schedule(rng *rand.Rand, requests int64, kills int) []faults.Fault {
	var all []faults.Fault
	for len(all) < kills {
		round := allTargets()
		rng.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		for _, name := range round[:min(len(round), kills-len(all))] {
			most := 3 * time.Second
			if name == "kafka" || name == "gateway" { // so long that the relay or a breaker sometimes gives up
				most = 10 * time.Second
			}
			all = append(all, faults.Fault{Act: faults.Kill, To: name, Down: faults.Between(rng, 0, most)})
		}
	}
	// A lease ends after 5 s and a group drops a silent member after 6 s: a process
	// that continues later has lost both. A frozen gateway hangs for longer than its
	// clients wait.
	for i := range max(minFreezes, kills/4) {
		name := []string{relay, "streamer-1", "gateway", relay, "streamer-2"}[i%5]
		f := faults.Fault{Act: faults.Freeze, To: name, Down: faults.Between(rng, 8*time.Second, 10*time.Second)}
		all = slices.Insert(all, rng.IntN(len(all)+1), f)
	}
	span := requests * 8 / 10 // none in the first and the last tenth
	for i := range all {
		all[i].At = requests/10 + (int64(i)*span+rng.Int64N(span))/int64(len(all))
		all[i].Delay = faults.Between(rng, 0, maxDelay) // hits any stage of what follows a request
	}
	return all
}

// rushed reports whether a fault happens at about this many requests.
func rushed(all []faults.Fault) func(requests int64) bool {
	return func(requests int64) bool {
		return slices.ContainsFunc(all, func(f faults.Fault) bool { return requests > f.At-rush && requests < f.At+rush })
	}
}

// resolve returns the name of a target. The API that was the last to take lanes of
// the outbox is the relay.
func (s *shop) resolve(name string) string {
	apis := []string{"api-1", "api-2"}
	if s.relaySince(apis[1]).After(s.relaySince(apis[0])) {
		slices.Reverse(apis)
	}
	switch name {
	case relay:
		return apis[0]
	case standby:
		return apis[1]
	default:
		return name
	}
}

// relaySince returns when the API last logged that it took lanes of the outbox.
func (s *shop) relaySince(api string) (since time.Time) {
	p := s.targets[api].Process.(*cluster.Program) //nolint:errcheck,forcetypeassert // it is one
	for line := range strings.Lines(p.Output()) {
		var entry struct {
			Time  time.Time
			Msg   string
			Names []string
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "leases gained" &&
			slices.ContainsFunc(entry.Names, func(name string) bool { return strings.HasPrefix(name, "outbox-lane-") }) {
			since = entry.Time
		}
	}
	return since
}

func TestTheScheduleDependsOnTheSeedAlone(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) []faults.Fault { return schedule(rand.New(rand.NewPCG(seed, 0)), 10_000, 32) }
	one, again, other := draw(1), draw(1), draw(2)
	if !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("seed 1:\n%v\n%v\nseed 2:\n%v", one, again, other)
	}
	if !slices.IsSortedFunc(one, func(a, b faults.Fault) int { return int(a.At - b.At) }) || one[0].At < 1000 || one[len(one)-1].At > 9000 {
		t.Errorf("not in order, or not within the requests: %v", one)
	}
	killed := map[string]int{}
	for _, f := range one {
		if f.Act == faults.Kill {
			killed[f.To]++
		} else if f.Down < 8*time.Second {
			t.Errorf("%v: no lease has ended by then", f)
		}
	}
	for _, name := range allTargets() {
		if killed[name] != 4 {
			t.Errorf("%s is killed %d times of 32", name, killed[name])
		}
	}
}
