package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// admin returns a client of its own: it has seen none of the topics before.
func admin(t *testing.T, c kafka.Config) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

func deleteTopics(t *testing.T, c kafka.Config, names ...string) {
	t.Helper()
	var topics []string
	for _, name := range names {
		topics = append(topics, c.Topic(name))
	}
	a := admin(t, c)
	if deleted, err := a.DeleteTopics(t.Context(), topics...); err != nil || deleted.Error() != nil {
		t.Fatal(err, deleted.Error())
	}
	await(t, "the topics are gone", func() bool {
		found, err := a.ListTopics(t.Context(), topics...)
		return err == nil && len(found.Names()) == len(topics) && found.Error() != nil
	})
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	timeout, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("it is never so that %s", what)
		}
	}
}

// remake deletes topics and makes them again, as the programs do.
func remake(t *testing.T, c kafka.Config, names ...string) {
	t.Helper()
	deleteTopics(t, c, names...)
	await(t, "the topics are made again", func() bool { return kafka.EnsureTopics(t.Context(), c, quiet()) == nil })
}

func TestATopicThatIsMadeAgainIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			all := likes(t, 90, 1)
			seen := newRecorder()
			publish(t, config, all[:20])
			consume(t, config, seen.handle, quiet())
			seen.await(t, 20)
			await(t, "they are committed", func() bool { return committed(t, config) == 20 })
			remake(t, config, event.CatalogTopic)
			publish(t, config, all[20:25]) // fewer than the offset
			seen.await(t, 25)
			await(t, "they are committed", func() bool { return committed(t, config) == 5 })
			remake(t, config, event.CatalogTopic)
			publish(t, config, all[25:]) // more
			seen.await(t, 90)
			await(t, "they are committed", func() bool { return committed(t, config) == 65 })
			if n := metric(t, config, "commerce_consumer_renewed_topics_total"); n < 2 {
				t.Errorf("%v topics were found again", n)
			}
			if n := metric(t, config, "commerce_consumer_lost_records_total"); n != 0 {
				t.Errorf("%v records are said to be lost", n)
			}
		})
	}
}

func TestATopicThatIsMadeAgainWhileNobodyReadsItIsReadFromItsStart(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			all := likes(t, 90, 1)
			seen := newRecorder()
			publish(t, config, all[:20])
			stop := consume(t, config, seen.handle, quiet())
			seen.await(t, 20)
			stop()
			before, err := admin(t, config).FetchOffsets(t.Context(), config.Prefix+"ranking")
			if err != nil {
				t.Fatal(err)
			}
			remake(t, config, event.CatalogTopic)
			publish(t, config, all[20:])
			// A broker may keep the offsets, and a member that stops may commit after the deletion.
			if err := admin(t, config).CommitAllOffsets(t.Context(), config.Prefix+"ranking", before.Offsets()); err != nil {
				t.Fatal(err)
			}
			var log logBuffer
			consume(t, another(config), seen.handle, slog.New(slog.NewTextHandler(&log, nil)))
			seen.await(t, 90)
			if !strings.Contains(log.String(), "reading it from its start") {
				t.Errorf("it is not said:\n%s", log.String())
			}
		})
	}
}

func TestOtherTopicsThatAreMadeAgain(t *testing.T) {
	t.Parallel()
	catalog := event.CatalogTopic
	for name, names := range map[string][]string{
		"retry topics":     {kafka.RetryTopic(catalog, "ranking", time.Second), kafka.RetryTopic(catalog, "ranking", 2*time.Second)},
		"dead letters":     {kafka.DeadLetterTopic(catalog)},
		"all of them":      {catalog, event.OrderTopic, kafka.RetryTopic(catalog, "ranking", time.Second), kafka.DeadLetterTopic(catalog)},
		"parks of another": {kafka.ParkTopic(catalog, event.AuditGroup)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := embeddedBroker(t)
			seen := newRecorder()
			consume(t, config, func(ctx context.Context, batch []event.Opened) error {
				if slices.ContainsFunc(batch, func(o event.Opened) bool { return o.Key == "7" }) {
					return errors.New("a bug")
				}
				return seen.handle(ctx, batch)
			}, quiet())
			dead := func(n float64) func() bool {
				return func() bool { return metric(t, config, "commerce_consumed_dead_letters_total") == n }
			}
			all := likes(t, 4, 1, 7)
			publish(t, config, all[:4])
			seen.await(t, 2)
			await(t, "the others are dead letters", dead(2))
			remake(t, config, names...)
			publish(t, config, all[4:])
			seen.await(t, 4)
			await(t, "the others are dead letters", dead(4))
		})
	}
}

func TestATopicThatIsMadeAgainWithFewerPartitionsAndThenHasMore(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			all := likes(t, 30, 1, 2, 3, 4, 5, 6)
			seen := newRecorder()
			publish(t, config, all[:60])
			consume(t, config, seen.handle, quiet())
			seen.await(t, 60)
			deleteTopics(t, config, event.CatalogTopic)
			a := admin(t, config)
			await(t, "it is made again", func() bool {
				_, err := a.CreateTopic(t.Context(), 3, -1, nil, config.Topic(event.CatalogTopic))
				return err == nil
			})
			publish(t, config, all[60:120])
			seen.await(t, 120)
			if _, err := a.UpdatePartitions(t.Context(), event.Partitions, config.Topic(event.CatalogTopic)); err != nil {
				t.Fatal(err)
			}
			publish(t, config, all[120:])
			seen.await(t, 180)
		})
	}
}
