package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
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

func TestEventsAndViewsAreSentToATopicThatIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			all := likes(t, 10, 1)
			p := producer(t, config)
			v, stop := views(t, config)
			defer stop()
			v.Viewed(1, nil)
			await(t, "a view is sent", func() bool { return outcome(t, config, "sent") == 1 })
			if err := errors.Join(p.Publish(t.Context(), all)...); err != nil {
				t.Fatal(err)
			}
			remake(t, config, event.CatalogTopic)
			await(t, "views are sent again", func() bool {
				v.Viewed(1, nil)
				return outcome(t, config, "sent") > 3
			})
			await(t, "events are sent again", func() bool { return errors.Join(p.Publish(t.Context(), all)...) == nil })
			if n := len(kafkatest.All(t, config.Brokers, config.Topic(event.CatalogTopic))); n < 12 {
				t.Errorf("%d records are in the new topic", n)
			}
		})
	}
}

// deleteRecords deletes all records of a topic, as retention does.
func deleteRecords(t *testing.T, c kafka.Config, name string) {
	t.Helper()
	a := admin(t, c)
	ends, err := a.ListEndOffsets(t.Context(), c.Topic(name))
	if err != nil {
		t.Fatal(err)
	}
	if done, err := a.DeleteRecords(t.Context(), ends.Offsets()); err != nil || done.Error() != nil {
		t.Fatal(err, done.Error())
	}
}

func TestRecordsThatKafkaDeletesBeforeTheyAreReadAreSaidAndCounted(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			all := likes(t, 30, 1)
			seen := newRecorder()
			publish(t, config, all[:5])
			stop := consume(t, config, seen.handle, quiet())
			seen.await(t, 5)
			stop()
			publish(t, config, all[5:20])
			deleteRecords(t, config, event.CatalogTopic)
			var log logBuffer
			config = another(config)
			consume(t, config, seen.handle, slog.New(slog.NewTextHandler(&log, nil)))
			lost := func(n float64) func() bool {
				return func() bool { return metric(t, config, "commerce_consumer_lost_records_total") == n }
			}
			await(t, "they are counted", lost(15))
			await(t, "the offset is behind them", func() bool { return committed(t, config) == 20 })
			if text := log.String(); !strings.Contains(text, "records=15 from=5 to=19") || !strings.Contains(text, "sent_after=") {
				t.Errorf("it is not said:\n%s", text)
			}
			publish(t, config, all[20:])
			seen.await(t, 15)
			await(t, "the offset follows", func() bool { return committed(t, config) == 30 })
			if !lost(15)() || metric(t, config, "commerce_consumer_lag_records") != 0 {
				t.Error("more are lost, or wait")
			}
		})
	}
}

// A partition that had no record while somebody read it has none to note an offset of.
func TestRecordsOfAPartitionThatWasEmptyBeforeAreMissed(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			stop := consume(t, config, newRecorder().handle, quiet())
			await(t, "the group notes where it begins", func() bool { return noted(t, config) == event.Partitions })
			stop()
			publish(t, config, likes(t, 7, 1))
			deleteRecords(t, config, event.CatalogTopic)
			config = another(config)
			consume(t, config, newRecorder().handle, quiet())
			await(t, "they are counted", func() bool { return metric(t, config, "commerce_consumer_lost_records_total") == 7 })
			await(t, "the offset is behind them", func() bool { return committed(t, config) == 7 })
		})
	}
}

// noted returns of how many partitions of the catalog the group has an offset.
func noted(t *testing.T, config kafka.Config) int {
	t.Helper()
	offsets, err := admin(t, config).FetchOffsets(t.Context(), config.Prefix+"ranking")
	if err != nil {
		return 0 // there is no group yet
	}
	return len(offsets[config.Topic(event.CatalogTopic)])
}

func TestRecordsThatKafkaDeletesWhileTheyWaitAreCounted(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	all := likes(t, 20, 1)
	seen := newRecorder()
	var away atomic.Bool // the consumer's connections to the broker
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if away.Load() {
			return nil, errors.New("the network is away")
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, network, address)
		return &cut{c, &away}, err
	}
	publish(t, config, all[:5])
	consume(t, config, seen.handle, quiet())
	seen.await(t, 5)
	await(t, "the offset is known", func() bool { return committed(t, config) == 5 })
	direct := config
	direct.Dial = nil
	away.Store(true)
	publish(t, direct, all[5:])
	deleteRecords(t, config, event.CatalogTopic)
	away.Store(false)
	await(t, "they are counted", func() bool { return metric(t, config, "commerce_consumer_lost_records_total") == 15 })
	await(t, "the offset is behind them", func() bool { return committed(t, config) == 20 })
}

// cut is a connection that fails while its network is away.
type cut struct {
	net.Conn

	away *atomic.Bool
}

func (c *cut) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.away.Load() {
		return 0, errors.Join(errors.New("the network is away"), c.Close())
	}
	return n, err
}
