package kafka

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// fetchBytes is how much of an answer of a broker is decompressed: a few hundred kB may
	// become a hundred MB. The client fetches the rest again.
	fetchBytes = 4 << 20
	// maxUnpacked bounds what one batch may become. Producers that do not try to do harm
	// send no more than a few MB.
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
