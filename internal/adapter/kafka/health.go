package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	// standsFor is how long an offset may stand while records wait.
	standsFor = 10 * time.Second
	// rebalanceFor is how long partitions may have no member: rebalances take that long.
	rebalanceFor = 30 * time.Second
)

// health is what the looks at the group have found.
type health struct {
	mu       sync.Mutex
	stands   map[partition]standing
	orphans  []string  // partitions without a member
	orphaned time.Time // since when; zero: each has one
	silent   error     // why the last looks failed
	since    time.Time // the first of them
}

// standing is an offset that has not moved while records wait.
type standing struct {
	offset, waiting int64
	since           time.Time
	why             string
}

// Health returns an error if the consumer does not do its work: no broker can be reached,
// the group cannot be asked or leaves partitions to nobody, or an offset has not moved for
// 10 seconds though records wait that are due.
func (c *Consumer) Health(ctx context.Context) error {
	if err := c.Ping(ctx); err != nil {
		return err
	}
	if err := c.health.problems(c.config.Clock()); err != nil {
		return fmt.Errorf("the group %s: %w", c.name, err)
	}
	return nil
}

func (h *health) problems(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []error
	if h.silent != nil && now.Sub(h.since) > standsFor {
		found = append(found, fmt.Errorf("its offsets cannot be read since %s: %w", clockTime(h.since), h.silent))
	}
	if !h.orphaned.IsZero() && now.Sub(h.orphaned) > rebalanceFor {
		found = append(found, fmt.Errorf("nobody reads %v since %s", h.orphans, clockTime(h.orphaned)))
	}
	for at, s := range h.stands {
		if now.Sub(s.since) > standsFor {
			found = append(found, fmt.Errorf("%s/%d stands at %d since %s, %d records wait: %s",
				at.topic, at.number, s.offset, clockTime(s.since), s.waiting, cmp.Or(s.why, "the reason is not known")))
		}
	}
	slices.SortFunc(found, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(found...)
}

// pause returns when to look at the group again.
func (h *health) pause(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.stands {
		if now.Sub(s.since) > standsFor {
			return soon
		}
	}
	if h.silent != nil {
		return soon
	}
	return lagInterval
}

func clockTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// failed notes that a look has failed.
func (h *health) failed(err error, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.silent == nil {
		h.since = now
	}
	h.silent = err
}

// looked notes what a look has found: the partitions without a member, and the offsets of
// those that are read here, if records wait.
func (h *health) looked(orphans []string, found map[partition]standing, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silent, h.orphans = nil, orphans
	if len(orphans) == 0 {
		h.orphaned = time.Time{}
	} else if h.orphaned.IsZero() {
		h.orphaned = now
	}
	for at, s := range found {
		s.since = now
		if before, there := h.stands[at]; there && before.offset == s.offset {
			s.since = before.since
		}
		found[at] = s
	}
	h.stands = found
}

// orphanedFor returns for how long partitions have had no member.
func (h *health) orphanedFor(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.orphaned.IsZero() {
		return 0
	}
	return now.Sub(h.orphaned)
}

// look judges the answer of the brokers about the group.
func (c *Consumer) look(group kadm.DescribedGroupLag) {
	found := map[partition]standing{}
	for _, at := range c.all() {
		w := c.worker(at)
		lag, there := group.Lag.Lookup(at.topic, at.number)
		if w == nil || !there || w.queue.postponed() {
			continue // it waits until a record is due
		}
		why := w.trouble()
		switch {
		case lag.Err != nil:
			found[at] = standing{offset: unknown, why: lag.Err.Error()}
		case waiting(lag) > 0:
			found[at] = standing{offset: lag.Commit.At, waiting: waiting(lag), why: cmp.Or(why, c.fetchTrouble())}
		}
	}
	now := c.config.Clock()
	c.health.looked(c.orphans(group), found, now)
	if group.State == "Stable" {
		c.rejoin(c.health.orphanedFor(now))
	}
}

// orphans lists the partitions that no member of the group reads.
func (c *Consumer) orphans(group kadm.DescribedGroupLag) (orphans []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, topic := range c.topics {
		for n := range c.sizes[topic] {
			if l, there := group.Lag.Lookup(topic, int32(n)); !there || l.Member == nil {
				orphans = append(orphans, fmt.Sprintf("%s/%d", topic, n))
			}
		}
	}
	return orphans
}

// rejoin helps a group that has left partitions to nobody for a while: the member that
// leads it may not have seen them.
func (c *Consumer) rejoin(orphaned time.Duration) {
	if orphaned >= lagInterval {
		c.client.ForceMetadataRefresh()
	}
	if orphaned >= 2*lagInterval {
		c.client.ForceRebalance()
	}
}

// troubled notes why a partition does not go on; nil: it does.
func (w *worker) troubled(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	w.problem.Store(&text)
}

// trouble returns why the partition does not go on, if that is known.
func (w *worker) trouble() string {
	if text := w.problem.Load(); text != nil && *text != "" {
		return *text
	}
	if since := w.working.Load(); since != 0 {
		return "its handler works on a batch since " + clockTime(time.UnixMicro(since))
	}
	return ""
}

// fetchTrouble returns why nothing can be fetched, if that is known.
func (c *Consumer) fetchTrouble() string {
	if text := c.fetching.Load(); text != nil {
		return *text
	}
	return ""
}
