package kafka

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
)

// assigned starts a worker for each partition that is ours from now on.
func (c *Consumer) assigned(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range places(partitions) {
		if c.held[at] == nil {
			c.held[at] = c.start(at)
		}
	}
	if len(partitions) > 0 {
		c.log.Info("partitions were assigned", "partitions", partitions)
	}
}

// revoked ends the work on partitions that another member takes over, and
// commits what was done before it does.
func (c *Consumer) revoked(ctx context.Context, _ *kgo.Client, partitions map[string][]int32) {
	if len(partitions) == 0 {
		return
	}
	c.release(places(partitions), handlerGrace)
	if err := c.done.commit(ctx); err != nil {
		c.log.Warn("offsets were not committed; their records will be seen again", "error", err)
	}
	c.forget(places(partitions))
	c.log.Info("partitions were revoked", "partitions", partitions)
}

// lost ends the work on partitions that another member may have already. An
// offset committed now could undo what that one has committed.
func (c *Consumer) lost(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
	c.release(places(partitions), 0)
	c.forget(places(partitions))
	if len(partitions) > 0 {
		c.log.Warn("partitions were lost", "partitions", partitions)
	}
}

// release stops the workers of the places and returns when they have ended. A
// batch under way may take until grace has passed.
func (c *Consumer) release(all []place, grace time.Duration) {
	var workers []*worker
	c.mu.Lock()
	for _, at := range all {
		if w := c.held[at]; w != nil {
			workers = append(workers, w)
			delete(c.held, at)
		}
	}
	c.mu.Unlock()
	for _, w := range workers {
		close(w.leaving)
	}
	patience := time.AfterFunc(grace, func() {
		for _, w := range workers {
			w.cancel()
		}
	})
	defer patience.Stop()
	for _, w := range workers {
		<-w.ended
		w.cancel()
	}
}

func (c *Consumer) forget(all []place) {
	c.done.forget(all)
	for _, at := range all {
		c.count.lag.DeleteLabelValues(c.config.bare(at.topic), strconv.Itoa(int(at.partition)))
	}
}

func (c *Consumer) everything() []place {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []place
	for at := range c.held {
		all = append(all, at)
	}
	return all
}

func places(partitions map[string][]int32) []place {
	var all []place
	for topic, numbers := range partitions {
		for _, n := range numbers {
			all = append(all, place{topic, n})
		}
	}
	return all
}

const lagEvery = 5 * time.Second

// watchLag shows how many records wait in the partitions held here. It asks the
// brokers: a consumer that is stuck would not notice that it falls behind.
func (c *Consumer) watchLag(ctx context.Context) {
	failing := outage.New(c.log, "read the consumer's lag")
	for backoff.Wait(ctx, lagEvery) {
		if err := c.showLag(ctx); err != nil && ctx.Err() == nil {
			failing.Failed(err)
		} else {
			failing.Recovered()
		}
	}
}

func (c *Consumer) showLag(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lagEvery)
	defer cancel()
	groups, err := c.admin.Lag(ctx, c.group)
	if err != nil {
		return err
	}
	group := groups[c.group]
	if err := errors.Join(group.DescribeErr, group.FetchErr); err != nil {
		return err
	}
	for _, at := range c.everything() {
		if lag, ok := group.Lag.Lookup(at.topic, at.partition); ok && lag.Lag >= 0 {
			c.count.lag.WithLabelValues(c.config.bare(at.topic), strconv.Itoa(int(at.partition))).Set(float64(lag.Lag))
		}
	}
	return nil
}
