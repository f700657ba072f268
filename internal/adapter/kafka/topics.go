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

// DeadLetterTopic returns where records of a topic go that nobody can read.
func DeadLetterTopic(topic string) string { return topic + "-dlt" }

// names lists every topic the shop uses, as the cluster calls them.
func (c Config) names() []string {
	var names []string
	for _, topic := range event.Topics() {
		names = append(names, c.Topic(topic), c.Topic(DeadLetterTopic(topic)))
	}
	return names
}

const (
	ensureTimeout = 15 * time.Second
	visibleEvery  = 50 * time.Millisecond
	// brokersChoice leaves the number of replicas to the brokers' own default.
	brokersChoice = -1
)

// EnsureTopics creates the topics that are missing and returns once the cluster
// knows all of them. Programs that start together may call it at the same time.
func EnsureTopics(ctx context.Context, c Config, log *slog.Logger) error {
	client, err := c.open(log)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, ensureTimeout)
	defer cancel()
	admin := kadm.NewClient(client)
	missing, err := c.missing(ctx, admin)
	if err != nil {
		return c.unreachable(err)
	}
	if len(missing) == 0 {
		return nil
	}
	if err := create(ctx, admin, missing, log); err != nil {
		return err
	}
	return c.awaitTopics(ctx, admin)
}

// missing lists the topics that the cluster does not know yet.
func (c Config) missing(ctx context.Context, admin *kadm.Client) ([]string, error) {
	found, err := admin.ListTopics(ctx, c.names()...)
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	return slices.DeleteFunc(c.names(), func(name string) bool {
		topic, ok := found[name]
		return ok && topic.Err == nil && len(topic.Partitions) > 0
	}), nil
}

// create creates topics; that somebody else was faster is fine.
func create(ctx context.Context, admin *kadm.Client, names []string, log *slog.Logger) error {
	answers, err := admin.CreateTopics(ctx, event.Partitions, brokersChoice, nil, names...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for _, a := range answers.Sorted() {
		switch {
		case a.Err == nil:
			log.Info("created a topic", "topic", a.Topic, "partitions", event.Partitions)
		case !errors.Is(a.Err, kerr.TopicAlreadyExists):
			return fmt.Errorf("create topic %s: %w (%s)", a.Topic, a.Err, a.ErrMessage)
		}
	}
	return nil
}

func (c Config) awaitTopics(ctx context.Context, admin *kadm.Client) error {
	for {
		missing, err := c.missing(ctx, admin)
		if err == nil && len(missing) == 0 {
			return nil
		}
		if !backoff.Wait(ctx, visibleEvery) {
			return errors.Join(fmt.Errorf("topics %v do not appear: %w", missing, ctx.Err()), err)
		}
	}
}
