package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// EnvelopeHandler is a Handler for events of all types, also of those that this
// program does not know. Their data is not read: it need not be valid.
type EnvelopeHandler func(ctx context.Context, batch []event.Received) error

// NewEnvelopeConsumer is NewConsumer for a handler of envelopes, which get to it in fewer
// and larger batches, a moment later.
func NewEnvelopeConsumer(c Config, group string, topics []string, handle EnvelopeHandler, log *slog.Logger) (*Consumer, error) {
	return newConsumer(c, group, topics, c.sources(group, topics), largeBatches(), func(m *Consumer) handling {
		return handlingOf[event.Received]{m.receive, handle}
	}, log)
}

// receive reads the envelope of a record, and where the event was first written.
// Errors are event.ErrUnreadable.
func (c *Consumer) receive(r *kgo.Record, e *event.Received) (known bool, err error) {
	if err := c.decode(r, &e.Envelope); err != nil {
		return false, err
	}
	if _, retried := c.sources[r.Topic]; !retried {
		e.Partition, e.Offset = r.Partition, r.Offset
		return true, nil
	}
	partition, err := strconv.ParseInt(text(r.Headers, DeadPartition), 10, 32)
	if err == nil {
		e.Offset, err = strconv.ParseInt(text(r.Headers, DeadOffset), 10, 64)
	}
	if err != nil {
		return false, fmt.Errorf("%w: its first place is not known: %w", event.ErrUnreadable, err)
	}
	e.Partition = int32(partition)
	return true, nil
}
