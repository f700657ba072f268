package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"
)

// tooOld is how old the oldest event may be in an outbox that is well.
const tooOld = 10 * time.Second

// health is what the relay has measured last.
type health struct {
	oldest   atomic.Int64 // when the oldest event happened, in microseconds; 0 if none waits
	setAside atomic.Int64
}

// Health returns what is wrong with the relay, as of its last measurement: events that wait too
// long, partitions that fail, and events that are set aside. It asks nobody.
func (r *Relay) Health(context.Context) error {
	now := r.config.Clock()
	var wrong []error
	if oldest := r.health.oldest.Load(); oldest > 0 {
		if age := now.Sub(time.UnixMicro(oldest)); age > tooOld {
			wrong = append(wrong, fmt.Errorf("the oldest event waits for %s", age.Truncate(time.Second)))
		}
	}
	sick := r.sick.all()
	for _, q := range sortedQueues(slices.Collect(maps.Keys(sick))) {
		wrong = append(wrong, fmt.Errorf("%s fails since %s: %w", name(q), sick[q].since.UTC().Format(time.RFC3339), sick[q].reason))
	}
	if n := r.health.setAside.Load(); n > 0 {
		wrong = append(wrong, fmt.Errorf("%d events are set aside: `commerce outbox list`", n))
	}
	return errors.Join(wrong...)
}
