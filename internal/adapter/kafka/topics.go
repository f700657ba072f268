package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// DeadLetterTopic returns the topic for the records of a topic that cannot be processed.
func DeadLetterTopic(topic string) string { return topic + "-dlt" }

// names lists every topic of the shop, with prefix.
func (c Config) names() []string {
	var names []string
	for _, topic := range event.Topics() {
		names = append(names, c.Topic(topic), c.Topic(DeadLetterTopic(topic)))
	}
	for _, group := range event.Groups() {
		for _, topic := range RetryTopics(group, event.Reads(group)) {
			names = append(names, c.Topic(topic))
		}
	}
	return names
}

const (
	// ensureTimeout is long: brokers that have much to do make topics slowly.
	ensureTimeout = 40 * time.Second
	// The waits between two looks at topics that were just made.
	firstLook = 50 * time.Millisecond
	lastLook  = time.Second
	// defaultReplicas leaves the number of replicas to the brokers' default.
	defaultReplicas = -1
)

// EnsureTopics creates the topics that are missing and returns once the cluster
// knows all of them. It adds partitions to those that need as many as another one. Several
// programs may call it at the same time.
func EnsureTopics(ctx context.Context, c Config, log *slog.Logger) error {
	client, err := c.connect(log)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	admin := kadm.NewClient(client)
	missing, found, err := c.missing(ctx, admin)
	if err != nil {
		return c.unreachable(err)
	}
	if len(missing) > 0 {
		if err := create(ctx, admin, missing, log); err != nil {
			return err
		}
		if found, err = c.awaitTopics(ctx, admin, missing); err != nil {
			return err
		}
	}
	return c.grow(ctx, admin, found, log)
}

// missing lists the topics that the cluster does not know yet, and what it knows of the
// others.
func (c Config) missing(ctx context.Context, admin *kadm.Client) ([]string, kadm.TopicDetails, error) {
	found, err := admin.ListTopics(ctx, c.names()...)
	if err != nil {
		return nil, nil, fmt.Errorf("list topics: %w", err)
	}
	return slices.DeleteFunc(c.names(), func(name string) bool {
		topic, ok := found[name]
		return ok && topic.Err == nil && len(topic.Partitions) > 0
	}), found, nil
}

// create creates topics. A topic that exists already is no error.
func create(ctx context.Context, admin *kadm.Client, names []string, log *slog.Logger) error {
	results, err := admin.CreateTopics(ctx, event.Partitions, defaultReplicas, nil, names...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for _, a := range results.Sorted() {
		switch {
		case a.Err == nil:
			log.Info("created a topic", "topic", a.Topic, "partitions", event.Partitions)
		case !errors.Is(a.Err, kerr.TopicAlreadyExists):
			return fmt.Errorf("create topic %s: %w (%s)", a.Topic, a.Err, a.ErrMessage)
		}
	}
	return nil
}

// led returns an error unless each partition of topics has a leader that knows that it is one.
func led(ctx context.Context, admin *kadm.Client, topics []string) error {
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	return ends.Error()
}

// awaitTopics waits until the cluster knows all topics, and those that were created have leaders.
func (c Config) awaitTopics(ctx context.Context, admin *kadm.Client, created []string) (kadm.TopicDetails, error) {
	waits := backoff.New(firstLook, lastLook, nil)
	for {
		missing, found, err := c.missing(ctx, admin)
		if err == nil && len(missing) == 0 {
			if err = led(ctx, admin, created); err == nil {
				return found, nil
			}
		}
		if !backoff.Wait(ctx, waits.Next()) {
			return nil, errors.Join(fmt.Errorf("wait for topics (missing: %v): %w", missing, ctx.Err()), err)
		}
	}
}
