package kafka

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
)

const (
	// watchInterval is how often a consumer looks whether its topics are still the same.
	watchInterval = 5 * time.Second
	// renewPause is how soon it looks again if a fetch says that one is not.
	renewPause = time.Second
)

// suspect notes that a fetch says that a topic is not there.
func (c *Consumer) suspect(topic string) {
	c.mu.Lock()
	c.suspects[topic] = true
	c.mu.Unlock()
	c.suspected.Notify()
}

// watchTopicsUntil looks whether topics were deleted and made again, until ctx ends. The
// client stays with the topic that it has seen first, and would read nothing any more.
func (c *Consumer) watchTopicsUntil(ctx context.Context) {
	failing := outage.New(c.log, "look for topics")
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.suspected:
		}
		if err := c.renew(ctx); err != nil && ctx.Err() == nil {
			failing.Failed(err)
		} else {
			failing.Recovered()
		}
		backoff.Wait(ctx, renewPause)
	}
}

// renew makes the client forget the topics that are others now, and read the new ones.
func (c *Consumer) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchInterval)
	defer cancel()
	found, err := c.admin.ListTopics(ctx, c.topics...)
	if err != nil {
		return err
	}
	if c.grown(found) {
		c.client.ForceMetadataRefresh() // or it sees new partitions after minutes
	}
	changed := c.changed(found)
	if len(changed) == 0 {
		return nil
	}
	for _, topic := range changed {
		c.log.Warn("a topic was deleted and made again: reading the new one from its start", "topic", topic)
		c.metrics.renewed.WithLabelValues(c.config.bare(topic)).Inc()
	}
	old := slices.DeleteFunc(c.all(), func(at partition) bool { return !slices.Contains(changed, at.topic) })
	c.release(old, 0)
	c.forget(old)
	c.client.PurgeTopicsFromClient(slices.Clone(changed)...)
	c.client.AddConsumeTopics(changed...)
	c.trust(changed) // what is said of them now is not of before
	return nil
}

// trust forgets what fetches have said of topics.
func (c *Consumer) trust(topics []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, topic := range topics {
		delete(c.suspects, topic)
	}
}

// changed returns the topics that are there and are not those that the client reads.
func (c *Consumer) changed(found kadm.TopicDetails) (changed []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, topic := range c.topics {
		t, there := found[topic]
		if !there || t.Err != nil || len(t.Partitions) == 0 {
			continue
		}
		id := topicID(t.ID)
		if id.replaces(c.ids[topic]) || c.suspects[topic] {
			changed = append(changed, topic)
		}
		c.ids[topic] = id
	}
	return changed
}

// grown reports whether a topic has other partitions than at the last look.
func (c *Consumer) grown(found kadm.TopicDetails) (grown bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range found {
		before := c.sizes[t.Topic]
		grown = grown || before > 0 && len(t.Partitions) > before
		c.sizes[t.Topic] = len(t.Partitions)
	}
	return grown
}

// read notes which topic the client reads under a name.
func (c *Consumer) read(topic string, id topicID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids[topic] = id
}

// reads returns which topic the client reads under a name.
func (c *Consumer) reads(topic string) topicID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[topic]
}
