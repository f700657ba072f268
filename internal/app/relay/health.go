package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	// tooOld is how old the oldest event may be in an outbox that is well.
	tooOld = 10 * time.Second
	// knownFor is how long a process that has no lane any more knows which partitions fail:
	// until another one has tried.
	knownFor = store.LeaseTTL + 2*time.Second
)

// health is what the relay has measured last.
type health struct {
	oldest   atomic.Int64 // when the oldest event happened, in microseconds; 0 if none waits
	setAside atomic.Int64
	held     atomic.Int64 // when this process had a lane the last time, in microseconds
}

// Health returns what is wrong with the relay, as of its last measurement: events that wait too
// long, partitions that fail, and events that are set aside. It asks nobody.
func (r *Relay) Health(context.Context) error {
	now := r.config.Clock()
	var wrong []error
	if age := r.health.age(now); age > tooOld {
		wrong = append(wrong, fmt.Errorf("the oldest event waits for %s", age.Truncate(time.Second)))
	}
	sick := r.sick.all()
	if now.Sub(time.UnixMicro(r.health.held.Load())) > knownFor {
		sick = nil
	}
	for _, q := range sortedQueues(slices.Collect(maps.Keys(sick))) {
		wrong = append(wrong, fmt.Errorf("%s fails since %s: %w", name(q), sick[q].since.UTC().Format(time.RFC3339), sick[q].reason))
	}
	if n := r.health.setAside.Load(); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d events are set aside: `commerce outbox list`", n))
	}
	return errors.Join(wrong...)
}

// age returns for how long the oldest event has waited; 0 if none waits.
func (h *health) age(now time.Time) time.Duration {
	oldest := h.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return now.Sub(time.UnixMicro(oldest))
}
