package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/contract/event"
)

const (
	// fetchBytes is how much of an answer of a broker is decompressed: a few hundred kB may
	// become a hundred MB. The client fetches the rest again.
	fetchBytes = 4 << 20
	// maxUnpacked bounds what one batch may become. Producers that do not try to do harm
	// send no more than a few MB. A larger one is a dead letter.
	maxUnpacked = 32 << 20
)

// unpacker decompresses batches of records, each answer only up to fetchBytes, or its first
// batch.
type unpacker struct {
	inner kgo.Decompressor
	bytes atomic.Int64 // of the answer that is decompressed now
}

// newUnpacker returns an unpacker whose batches are bounded. Only a client can make one that
// is.
func newUnpacker() (*unpacker, error) {
	client, err := kgo.NewClient(kgo.MaxDecompressBatchBytes(maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer client.Close()
	inner, ok := client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	if !ok {
		return nil, errors.New("kafka: the client has no decompressor")
	}
	return &unpacker{inner: inner}, nil
}

// OnBrokerRead implements kgo.HookBrokerRead: an answer begins.
func (u *unpacker) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.Fetch) {
		u.bytes.Store(0)
	}
}

// errFetchedAgain makes the client fetch a batch again. It is one of the errors after which
// it does so without telling anybody.
var errFetchedAgain = fmt.Errorf("enough of this answer is decompressed: %w", kerr.RequestTimedOut)

// Decompress implements kgo.Decompressor.
func (u *unpacker) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if u.bytes.Load() >= fetchBytes {
		return nil, errFetchedAgain
	}
	out, err := u.inner.Decompress(src, codec)
	u.bytes.Add(int64(len(out)))
	return out, err //nolint:wrapcheck // the client knows its own errors
}

// tooLarge stands for the records of a batch that was not decompressed.
type tooLarge struct{}

// skip passes over a batch that is too large to be decompressed. A record without data
// stands for it: it is unreadable, and its dead letter says where the batch is.
func (c *Consumer) skip(at partition, batch *kgo.ErrDecompressTooLarge) []*kgo.Record {
	err := fmt.Errorf("%w: the batch of the offsets %d to %d has more than %d MiB when it is decompressed",
		event.ErrUnreadable, batch.Offset, batch.NextOffset-1, maxUnpacked>>20)
	c.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{
		at.topic: {at.number: {Epoch: batch.Epoch, Offset: batch.NextOffset}},
	})
	return []*kgo.Record{{
		Topic: at.topic, Partition: at.number, Offset: batch.NextOffset - 1, LeaderEpoch: batch.Epoch, Timestamp: c.config.Clock(),
		Context: context.WithValue(context.Background(), tooLarge{}, err),
	}}
}

// skipped returns why a record stands for others; nil: it is one itself.
func skipped(r *kgo.Record) error {
	if r.Context == nil {
		return nil
	}
	err, _ := r.Context.Value(tooLarge{}).(error)
	return err
}
