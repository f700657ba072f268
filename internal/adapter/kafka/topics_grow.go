package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// small lists the parks that have fewer partitions than the topics that they are for, by
// how many they need. Somebody has added partitions to these topics. Records of other helper
// topics are in any partition: they may have as few as they like.
func (c Config) small(found kadm.TopicDetails) map[int][]string {
	small := map[int][]string{}
	for _, group := range event.Groups() {
		if !event.InOrder(group) {
			continue
		}
		for _, topic := range event.Reads(group) {
			park := c.Topic(ParkTopic(topic, group))
			need, has := len(found[c.Topic(topic)].Partitions), len(found[park].Partitions)
			if has > 0 && has < need {
				small[need] = append(small[need], park)
			}
		}
	}
	return small
}

// grow adds partitions to the parks that have too few: each record of a park is in the
// partition that it came from. Other programs may do the same at the same time.
func (c Config) grow(ctx context.Context, admin *kadm.Client, found kadm.TopicDetails, log *slog.Logger) error {
	small := c.small(found)
	var failed []error
	for _, need := range slices.Sorted(maps.Keys(small)) {
		results, err := admin.UpdatePartitions(ctx, need, small[need]...)
		if err != nil {
			return fmt.Errorf("add partitions to %v: %w", small[need], err)
		}
		for _, park := range results.Sorted() {
			switch {
			case park.Err == nil:
				log.Info("added partitions to a topic", "topic", park.Topic, "partitions", need)
			case !errors.Is(park.Err, kerr.InvalidPartitions): // it has them already
				failed = append(failed, fmt.Errorf("the topic %s needs %d partitions, as many as the one that it is for: %w (%s)",
					park.Topic, need, park.Err, park.ErrMessage))
			}
		}
	}
	return errors.Join(failed...)
}
