package streaming_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/faults"
)

// schedule draws the faults for this many records. It depends on the random numbers alone.
// Two streamers are killed in turn, Kafka and PostgreSQL once each; a third streamer joins
// and leaves twice.
func schedule(rng *rand.Rand, records int64, kills int) (all []faults.Fault) {
	kill := func(name string) faults.Fault {
		return faults.Fault{Act: faults.Kill, To: name, Down: faults.Between(rng, 0, 2*time.Second)}
	}
	for i := range kills {
		all = append(all, kill(fmt.Sprint("streamer-", 1+i%2)))
	}
	for _, server := range []string{"kafka", "postgres"} { // in the middle
		all = slices.Insert(all, len(all)/3+rng.IntN(len(all)/3+1), kill(server))
	}
	for i, act := range []faults.Act{faults.Leave, faults.Join, faults.Leave, faults.Join} {
		all = slices.Insert(all, (4-i)*len(all)/5, faults.Fault{Act: act, To: "streamer-3"})
	}
	span := records * 6 / 10 // most of what is left is processed while records come
	for i := range all {
		all[i].At = records/10 + (int64(i)*span+rng.Int64N(span))/int64(len(all))
		all[i].Delay = faults.Between(rng, 0, 300*time.Millisecond)
	}
	return all
}

func TestTheScheduleDependsOnTheSeedAlone(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) []faults.Fault { return schedule(rand.New(rand.NewPCG(seed, 0)), 10_000, 20) }
	one, again, other := draw(1), draw(1), draw(2)
	if !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("seed 1:\n%v\n%v\nseed 2:\n%v", one, again, other)
	}
	if !slices.IsSortedFunc(one, func(a, b faults.Fault) int { return int(a.At - b.At) }) || one[0].At < 1000 || one[len(one)-1].At > 7000 {
		t.Errorf("not in order, or not within the records: %v", one)
	}
	acts := map[string][]faults.Act{}
	for _, f := range one {
		acts[f.To] = append(acts[f.To], f.Act)
	}
	third := []faults.Act{faults.Join, faults.Leave, faults.Join, faults.Leave}
	if len(acts["streamer-1"]) != 10 || len(acts["streamer-2"]) != 10 || len(acts["kafka"]) != 1 || len(acts["postgres"]) != 1 ||
		!slices.Equal(acts["streamer-3"], third) {
		t.Errorf("the faults are %v", acts)
	}
}
