package kafkatest

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// AllCaughtUp returns an error unless all groups, named with the prefix, have processed all
// records of their topics and retry topics.
func AllCaughtUp(ctx context.Context, admin *kadm.Client, prefix string) error {
	for _, group := range event.Groups() {
		topics := event.Reads(group)
		if err := CaughtUp(ctx, admin, prefix+group, len(topics)+len(kafka.RetryTopics(group, topics))); err != nil {
			return err
		}
	}
	return nil
}

// CaughtUp returns an error unless members of a group, named with its prefix, read so
// many topics and have processed all their records.
func CaughtUp(ctx context.Context, admin *kadm.Client, group string, topics int) error {
	groups, err := admin.Lag(ctx, group)
	if err != nil {
		return err
	}
	g := groups[group]
	if err := errors.Join(g.DescribeErr, g.FetchErr); err != nil {
		return err
	}
	all := g.Lag.Sorted()
	if len(all) != event.Partitions*topics {
		return fmt.Errorf("the group %s reads %d partitions", group, len(all))
	}
	for _, p := range all {
		if p.Err != nil {
			return p.Err
		}
		if p.Lag != 0 || p.Member == nil {
			return fmt.Errorf("%s: %s/%d has a lag of %d and is read by %v", group, p.Topic, p.Partition, p.Lag, p.Member)
		}
	}
	return nil
}
