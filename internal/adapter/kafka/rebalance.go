package kafka

import (
	"context"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// assigned starts a worker for each partition that this member now owns.
func (c *Consumer) assigned(_ context.Context, client *kgo.Client, assigned map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	member, _ := client.GroupMetadata()
	c.offsets.settle(member)
	for _, at := range list(assigned) {
		if c.workers[at] == nil {
			c.workers[at] = c.start(at)
		}
	}
	if len(assigned) > 0 {
		c.log.Info("partitions were assigned", "partitions", assigned)
	}
}

// revoked stops the work on partitions that another member takes over, and
// commits what was processed before that member starts.
func (c *Consumer) revoked(ctx context.Context, _ *kgo.Client, revoked map[string][]int32) {
	if len(revoked) == 0 {
		return
	}
	c.release(list(revoked), handlerGrace)
	if err := c.offsets.commit(ctx); err != nil {
		c.log.Warn("offsets were not committed: their records will be consumed again", "error", err)
	}
	c.forget(list(revoked))
	c.log.Info("partitions were revoked", "partitions", revoked)
}

// lost stops the work on partitions that another member may own already. It does
// not commit: an offset committed now could undo what that member has committed.
func (c *Consumer) lost(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
	c.release(list(lost), 0)
	c.forget(list(lost))
	if len(lost) > 0 {
		c.log.Warn("partitions were lost", "partitions", lost)
	}
}

// release stops the workers of the partitions and returns when they have ended. A
// running batch may take as long as grace; then its context is cancelled.
func (c *Consumer) release(all []partition, grace time.Duration) {
	workers := c.remove(all)
	for _, w := range workers {
		close(w.quit)
	}
	timer := time.AfterFunc(grace, func() {
		for _, w := range workers {
			w.cancel()
		}
	})
	defer timer.Stop()
	for _, w := range workers {
		select {
		case <-w.done:
		case <-w.hung: // its handler may never return; the process ends soon
		}
		w.cancel()
	}
}

// giveUpOn notes that the handler of a worker does not return. The consumer then leaves
// the group, so that other members take its partitions over.
func (c *Consumer) giveUpOn(w *worker) {
	c.log.Error("the handler of a batch has not returned long after its deadline: leaving the consumer group",
		"topic", w.at.topic, "partition", w.at.number, "deadline", c.config.deadline())
	close(w.hung)
	c.hangOnce.Do(func() { close(c.hanging) })
}

// remove removes the workers of the partitions and returns them.
func (c *Consumer) remove(all []partition) (removed []*worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range all {
		if w := c.workers[at]; w != nil {
			removed = append(removed, w)
			delete(c.workers, at)
		}
	}
	return removed
}

// forget drops offsets and metrics of partitions that this member no longer owns.
func (c *Consumer) forget(all []partition) {
	c.offsets.forget(all)
	for _, at := range all {
		topic, number := c.config.bare(at.topic), strconv.Itoa(int(at.number))
		c.metrics.lag.DeleteLabelValues(topic, number)
		c.metrics.age.DeleteLabelValues(topic, number)
		c.metrics.parkedKeys.DeleteLabelValues(ParkTopic(topic, c.name), number)
	}
}

// all lists the partitions that this member owns.
func (c *Consumer) all() (all []partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := range c.workers {
		all = append(all, at)
	}
	return all
}

func list(partitions map[string][]int32) (all []partition) {
	for topic, numbers := range partitions {
		for _, n := range numbers {
			all = append(all, partition{topic, n})
		}
	}
	return all
}
