package kafka

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/semaphore"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

// Replays is the header that counts how often a dead letter was sent to its group again.
const Replays = "commerce-replays"

// letterOf returns the letter of a record in a dead-letter topic. It never fails: what
// cannot be read stays empty.
func (c Config) letterOf(r *kgo.Record, given id.ID) deadletter.Letter {
	l := deadletter.Letter{
		ID:     given,
		At:     deadletter.Place{Topic: safe(c.bare(r.Topic)), Partition: r.Partition, Offset: r.Offset},
		DeadAt: r.Timestamp.UTC(), ChangedAt: r.Timestamp.UTC(),
		Group: safe(c.bare(text(r.Headers, DeadGroup))),
		Key:   deadletter.Text(r.Key), Type: safe(text(r.Headers, headerType)),
		Cause: safe(text(r.Headers, DeadCause)), Message: deadletter.Message([]byte(text(r.Headers, DeadMessage))),
		Attempts: count(r, RetryAttempts), Failures: count(r, Replays),
		Size: int64(size(r)), State: deadletter.New,
	}
	l.Replays = l.Failures
	l.Origin, l.OriginAt = c.originOfLetter(r)
	if event, err := id.Parse(text(r.Headers, headerID)); err == nil {
		l.EventID = event
	}
	if l.Size <= deadletter.MaxContent {
		l.Content = contentOf(r)
	}
	return l
}

func safe(s string) string { return deadletter.Text([]byte(s)) }

// count returns the number in a header; 0 if there is none that makes sense: anyone may
// write to a topic.
func count(r *kgo.Record, name string) int {
	n, err := strconv.Atoi(text(r.Headers, name))
	if err != nil || n < 0 || n > deadletter.MaxReplays {
		return 0
	}
	return n
}

// originOfLetter returns where a dead letter was at first, as its headers say.
func (c Config) originOfLetter(r *kgo.Record) (deadletter.Place, *time.Time) {
	p := deadletter.Place{Topic: safe(c.bare(text(r.Headers, DeadTopic))), Partition: -1, Offset: -1}
	if p.Topic == "" {
		p.Topic = safe(strings.TrimSuffix(c.bare(r.Topic), DeadLetterTopic("")))
	}
	number, bad := strconv.ParseInt(text(r.Headers, DeadPartition), 10, 32)
	offset, worse := strconv.ParseInt(text(r.Headers, DeadOffset), 10, 64)
	if bad == nil && worse == nil && number >= 0 && offset >= 0 {
		p.Partition, p.Offset = int32(number), offset
	}
	ms, err := strconv.ParseInt(text(r.Headers, DeadTimestamp), 10, 64)
	if err != nil || ms < 0 || ms > lastMilli {
		return p, nil
	}
	at := time.UnixMilli(ms).UTC()
	return p, &at
}

// lastMilli is the end of the year 9999: later times have no form in JSON.
const lastMilli = 253_402_300_799_999

// contentOf returns what a record has, without the headers of its failures.
func contentOf(r *kgo.Record) *deadletter.Content {
	content := &deadletter.Content{Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		if !ours(h.Key) {
			content.Headers = append(content.Headers, deadletter.Header{Name: h.Key, Value: h.Value})
		}
	}
	return content
}

// retention knows how long the topics keep their records. It asks the brokers now and
// then; while they do not say, nobody knows.
type retention struct {
	consumer *Consumer

	turn    *semaphore.Weighted // whoever has it may use what follows, and ask
	askedAt time.Time
	kept    map[string]time.Duration // by topic, with prefix; those that keep for ever are missing
}

const (
	retentionAge     = 10 * time.Minute
	retentionTimeout = 5 * time.Second
	retentionSetting = "retention.ms"
)

func newRetention(c *Consumer) *retention {
	return &retention{consumer: c, turn: semaphore.NewWeighted(1)}
}

// end returns when Kafka deletes the record of a letter; nil if nobody knows, or never.
func (r *retention) end(ctx context.Context, l deadletter.Letter) *time.Time {
	if r.turn.Acquire(ctx, 1) != nil {
		return nil
	}
	defer r.turn.Release(1)
	c := r.consumer
	if now := c.config.Clock(); now.Sub(r.askedAt) > retentionAge {
		r.askedAt, r.kept = now, r.ask(ctx)
	}
	kept, known := r.kept[c.config.Topic(l.At.Topic)]
	if !known {
		return nil
	}
	at := l.DeadAt.Add(kept)
	return &at
}

func (r *retention) ask(ctx context.Context) map[string]time.Duration {
	ctx, cancel := context.WithTimeout(ctx, retentionTimeout)
	defer cancel()
	kept := map[string]time.Duration{}
	configs, err := r.consumer.admin.DescribeTopicConfigs(ctx, r.consumer.topics...)
	if err != nil {
		r.consumer.log.Warn("the retention of the dead-letter topics is not known", "error", err)
		return kept
	}
	for _, topic := range configs {
		for _, setting := range topic.Configs {
			ms, err := strconv.ParseInt(setting.MaybeValue(), 10, 64)
			if setting.Key == retentionSetting && err == nil && ms >= 0 && ms <= lastMilli {
				kept[topic.Name] = time.Duration(ms) * time.Millisecond
			}
		}
	}
	return kept
}
