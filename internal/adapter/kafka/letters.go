package kafka

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

// Indexer stores dead letters of one partition. It may get a letter again that it has
// stored before.
type Indexer func(ctx context.Context, batch []deadletter.Letter) error

// DeadLetterGroup is the group that reads the dead-letter topics.
const DeadLetterGroup = "dead-letters"

// errNotIndexed is a dependency that is away, to the failure policy: the partition waits.
var errNotIndexed = fault.New(fault.Unavailable, "NOT_INDEXED", "a dead letter cannot be indexed")

// NewDeadLetterConsumer returns a member of the group that reads all dead-letter topics
// and hands their records to index.
//
// A dead letter is never sent to another topic, whatever fails: there is no dead letter
// of a dead letter. If one cannot be indexed with what it has, it is indexed without; if
// that fails as well, its partition waits.
func NewDeadLetterConsumer(c Config, ids id.Source, index Indexer, log *slog.Logger) (*Consumer, error) {
	var topics []string
	for _, topic := range event.Topics() {
		topics = append(topics, DeadLetterTopic(topic))
	}
	return newConsumer(c, DeadLetterGroup, topics, nil, lowLatency(), func(m *Consumer) handling {
		d := deadLetters{config: c, ids: ids, index: index, retention: newRetention(m), log: m.log}
		return handlingOf[deadletter.Letter]{d.open, d.handle}
	}, log)
}

// deadLetters turns records of dead-letter topics into letters.
type deadLetters struct {
	config    Config
	ids       id.Source
	index     Indexer
	retention *retention
	log       *slog.Logger
}

// open reads the letter of a record. Any record is a letter.
func (d deadLetters) open(r *kgo.Record, l *deadletter.Letter) (known bool, err error) {
	*l = d.config.letterOf(r, d.ids())
	return true, nil
}

// handle indexes the letters. If it fails because of one of them, the caller halves the
// batch until that letter is alone.
func (d deadLetters) handle(ctx context.Context, batch []deadletter.Letter) error {
	err := panics.Caught(func() error {
		for i := range batch {
			batch[i].ExpiresAt = d.retention.end(ctx, batch[i])
		}
		return d.index(ctx, batch)
	})
	if b := blameFor(err); len(batch) > 1 || b == nobody || b == dependency {
		return err
	}
	bare := []deadletter.Letter{batch[0].Bare()}
	if failed := panics.Caught(func() error { return d.index(ctx, bare) }); failed != nil {
		return fmt.Errorf("%w: the one at %s: %v", errNotIndexed, batch[0].At, failed) //nolint:errorlint // whatever it is, the partition waits
	}
	d.log.Warn("a dead letter was indexed without what it has: the database refuses that", "at", batch[0].At.String(), "error", err)
	return nil
}
