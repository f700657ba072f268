package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

// blow is one thing that the villain does.
type blow struct {
	at     int64  // once so many requests have ended
	to     string // whom: a victim, or relay or beside
	frozen bool   // stopped and let go on, not killed
	late   time.Duration
	down   time.Duration
}

func (b blow) String() string {
	what := "kill"
	if b.frozen {
		what = "freeze"
	}
	return fmt.Sprintf("after %d requests and %v %s %s for %v", b.at, b.late, what, b.to, b.down)
}

const (
	relay  = "relay"     // the API that relays the outbox just then
	beside = "beside-it" // the other one
	// latest is longer than an event takes from its commit to the ranking.
	latest = 25 * time.Millisecond
	// rush is how many requests before and after a blow come without a pause, so
	// that it hits a shop at work.
	rush = 40
	// fewest is how many freezes there are at least.
	fewest = 3
)

func everybody() []string {
	return []string{relay, "streamer-1", "kafka", beside, "redis", "streamer-2", "gateway", "postgres"}
}

// schedule draws what the villain will do while so many requests are made: it
// depends on nothing else but the dice. Everybody is killed about equally often.
func schedule(dice *rand.Rand, requests int64, kills int) []blow {
	var blows []blow
	for len(blows) < kills {
		round := everybody()
		dice.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		for _, victim := range round[:min(len(round), kills-len(blows))] {
			most := 3 * time.Second
			if victim == "kafka" || victim == "gateway" { // so long that the relay, or a breaker, gives up sometimes
				most = 10 * time.Second
			}
			blows = append(blows, blow{to: victim, down: between(dice, 0, most)})
		}
	}
	// Leases run for 5 s and a member of the group is missed after 6: whoever
	// wakes up after that is a zombie. A gateway that is frozen hangs for longer
	// than anybody waits.
	for i := range max(fewest, kills/4) {
		victim := []string{relay, "streamer-1", "gateway", relay, "streamer-2"}[i%5]
		b := blow{to: victim, frozen: true, down: between(dice, 8*time.Second, 10*time.Second)}
		blows = slices.Insert(blows, dice.IntN(len(blows)+1), b)
	}
	span := requests * 8 / 10 // the first tenth and the last one are left in peace
	for i := range blows {
		blows[i].at = requests/10 + (int64(i)*span+dice.Int64N(span))/int64(len(blows))
		blows[i].late = between(dice, 0, latest) // what follows a request is hit at any stage
	}
	return blows
}

func between(dice *rand.Rand, least, most time.Duration) time.Duration {
	return (least + time.Duration(dice.Int64N(int64(most-least)))).Round(100 * time.Microsecond)
}

// victim is what can be killed and started again. Blows to one of them wait
// for one another.
type victim struct {
	mortal
	sync.Mutex
}

type mortal interface {
	Kill(ctx context.Context) error
	Start(ctx context.Context) error
}

// villain deals the blows of a schedule.
type villain struct {
	t       *testing.T
	victims map[string]*victim

	blows          []blow
	mu             sync.Mutex
	begun          int // so many of the blows
	kills, freezes int
	under          sync.WaitGroup
}

// ended is told how many requests have ended, and begins what is due.
func (v *villain) ended(ctx context.Context, requests int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for v.begun < len(v.blows) && v.blows[v.begun].at <= requests {
		b := v.blows[v.begun]
		v.begun++
		v.under.Go(func() { v.deal(ctx, b) })
	}
}

// near reports whether a blow falls at about that many requests.
func (v *villain) near(requests int64) bool {
	return slices.ContainsFunc(v.blows, func(b blow) bool { return requests > b.at-rush && requests < b.at+rush })
}

func (v *villain) deal(ctx context.Context, b blow) {
	backoff.Wait(ctx, b.late)
	name := v.resolve(b.to)
	whom := v.victims[name]
	whom.Lock()
	defer whom.Unlock()
	began := time.Now()
	var err error
	if b.frozen {
		err = v.freeze(ctx, whom, b.down)
	} else {
		err = v.kill(ctx, whom, b.down)
	}
	if err != nil && ctx.Err() == nil {
		v.t.Errorf("%s (%s): %v", b, name, err)
		return
	}
	v.t.Logf("%s: %s is back after %v", b, name, time.Since(began).Round(time.Millisecond))
}

func (v *villain) kill(ctx context.Context, whom *victim, down time.Duration) error {
	if err := whom.Kill(ctx); err != nil {
		return err
	}
	v.mu.Lock()
	v.kills++
	v.mu.Unlock()
	backoff.Wait(ctx, down)
	if _, ok := whom.mortal.(*cluster.Program); ok { // a program ends at once where there is no database
		database := v.victims["postgres"]
		database.Lock()
		defer database.Unlock()
	}
	return whom.Start(ctx)
}

func (v *villain) freeze(ctx context.Context, whom *victim, down time.Duration) error {
	p, ok := whom.mortal.(*cluster.Program)
	if !ok {
		return fmt.Errorf("a %T cannot be frozen", whom.mortal)
	}
	if err := p.Freeze(); err != nil {
		return err
	}
	v.mu.Lock()
	v.freezes++
	v.mu.Unlock()
	backoff.Wait(ctx, down)
	return p.Thaw()
}

// resolve turns a part that somebody plays into who plays it: the API that took
// lanes of the outbox last relays.
func (v *villain) resolve(part string) string {
	one, two := v.victims["api-1"].mortal, v.victims["api-2"].mortal
	names := []string{"api-1", "api-2"}
	if a, b := one.(*cluster.Program), two.(*cluster.Program); relaysSince(b).After(relaysSince(a)) { //nolint:errcheck,forcetypeassert // they are
		slices.Reverse(names)
	}
	switch part {
	case relay:
		return names[0]
	case beside:
		return names[1]
	default:
		return part
	}
}

// relaysSince is when the program last said that it took lanes of the outbox.
func relaysSince(p *cluster.Program) (since time.Time) {
	for line := range strings.Lines(p.Said()) {
		var said struct {
			Time  time.Time
			Msg   string
			Names []string
		}
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "leases gained" && len(said.Names) > 0 && strings.HasPrefix(said.Names[0], "outbox-lane-") {
			since = said.Time
		}
	}
	return since
}

func TestTheSeedAloneMakesTheSchedule(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) []blow { return schedule(rand.New(rand.NewPCG(seed, 0)), 10_000, 32) }
	one, again, other := draw(1), draw(1), draw(2)
	if !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("seed 1:\n%v\n%v\nseed 2:\n%v", one, again, other)
	}
	if !slices.IsSortedFunc(one, func(a, b blow) int { return int(a.at - b.at) }) || one[0].at < 1000 || one[len(one)-1].at > 9000 {
		t.Errorf("not in order, or not within the requests: %v", one)
	}
	killed := map[string]int{}
	for _, b := range one {
		if !b.frozen {
			killed[b.to]++
		} else if b.down < 8*time.Second {
			t.Errorf("%v: no lease has run out by then", b)
		}
	}
	for _, who := range everybody() {
		if killed[who] != 4 {
			t.Errorf("%s is killed %d times of 32", who, killed[who])
		}
	}
}
