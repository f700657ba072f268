package kafka

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
)

const (
	lagInterval = 5 * time.Second
	// soon is when it looks again at a consumer that stands still, so that its end is noticed.
	soon = time.Second
)

// exportLagUntil exports the lag of the partitions owned here until ctx ends. It
// asks the brokers: a consumer that hangs would not notice its own lag.
func (c *Consumer) exportLagUntil(ctx context.Context) {
	failing := outage.New(c.log, "read the consumer's lag")
	for backoff.Wait(ctx, c.health.pause(c.config.Clock())) {
		c.exportAges()
		if err := c.exportLag(ctx); err != nil && ctx.Err() == nil {
			failing.Failed(err)
			c.health.failed(err, c.config.Clock())
		} else {
			failing.Recovered()
		}
	}
}

func (c *Consumer) exportLag(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lagInterval)
	defer cancel()
	groups, err := c.admin.Lag(ctx, c.group)
	if err != nil {
		return err
	}
	group := groups[c.group]
	if err := errors.Join(group.DescribeErr, group.FetchErr); err != nil {
		return err
	}
	for _, at := range c.all() {
		if lag, ok := group.Lag.Lookup(at.topic, at.number); ok && lag.Lag >= 0 {
			c.metrics.lag.WithLabelValues(c.config.bare(at.topic), strconv.Itoa(int(at.number))).Set(float64(waiting(lag)))
			c.lookForLoss(at, lag)
		}
	}
	c.look(group)
	return nil
}

// waiting returns how many records of a partition can be read and are not processed.
func waiting(lag kadm.GroupMemberLag) int64 {
	if lag.Start.Err == nil && lag.Start.Offset > lag.Commit.At {
		return max(0, lag.End.Offset-lag.Start.Offset)
	}
	return lag.Lag
}

// exportAges exports how old the first record is that is not processed, of each
// partition owned here: 0 if there is none.
func (c *Consumer) exportAges() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.config.Clock()
	for at, w := range c.workers {
		seconds := 0.0
		if since, some := w.queue.oldest(); some {
			seconds = max(0, now.Sub(since).Seconds())
		}
		c.metrics.age.WithLabelValues(c.config.bare(at.topic), strconv.Itoa(int(at.number))).Set(seconds)
	}
}
