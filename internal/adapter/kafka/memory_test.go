package kafka

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// large returns n records of so many bytes.
func large(n, bytes int) []*kgo.Record {
	all := make([]*kgo.Record, n)
	for i := range all {
		all[i] = &kgo.Record{Value: make([]byte, bytes), Offset: int64(i)}
	}
	return all
}

func testQueue(t *testing.T, m *share) *queue {
	t.Helper()
	client, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return newQueue(client, partition{"t", 0}, atOnce, maxBatch, m)
}

// The records of a fetch share their memory: it is free when the last of them is processed.
func TestTheMemoryOfAFetchIsFreeWhenAllOfItIsProcessed(t *testing.T) {
	t.Parallel()
	m := &share{Memory: NewMemory()}
	q := testQueue(t, m)
	q.push(large(3, 900_000))
	q.push(large(1, 900_000))
	all := m.used
	for i, want := range []int64{all, all, all, all - 3*(all/4), 0} {
		if batch, _ := q.pull(time.Time{}); len(batch) != min(1, 4-i) || m.used != want || m.own != want {
			t.Errorf("with batch %d of %d records, %d bytes are used, want %d", i, len(batch), m.used, want)
		}
	}
}

// A record that waits must not keep those before it: they are in one array.
func TestAQueueKeepsNoRecordThatIsProcessed(t *testing.T) {
	t.Parallel()
	q := testQueue(t, &share{Memory: NewMemory()})
	records := large(3, 900_000)
	q.push(records)
	array := q.records
	for range 2 {
		q.pull(time.Time{})
	}
	if array[0] != nil || array[1] == nil || array[2] == nil {
		t.Errorf("the queue keeps %v", array)
	}
}

// What a park puts back and what a partition drops when it is given up are counted.
func TestTheMemoryIsCountedToTheEnd(t *testing.T) {
	t.Parallel()
	m := &share{Memory: NewMemory()}
	q := testQueue(t, m)
	q.push(large(2, 1_000_000))
	batch, _ := q.pull(time.Time{})
	q.postpone(batch[0])
	if batch, _ = q.pull(time.Time{}); len(batch) != 1 || batch[0].Offset != 0 {
		t.Fatalf("%v is first", batch)
	}
	q.pull(time.Time{})
	if m.used == 0 {
		t.Error("the last record takes no memory")
	}
	q.close()
	q.push(large(1, 10)) // a fetch that was under way
	if m.used != 0 || m.own != 0 {
		t.Errorf("%d bytes are lost", m.used)
	}
}

// The partition of large records is paused long before it has as many records as others.
func TestAQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	q := testQueue(t, &share{Memory: NewMemory()})
	for n := 0; !q.paused; n++ {
		q.push(large(1, 500_000))
		if n > 5 {
			t.Fatal("the partition is never paused")
		}
	}
}

// All groups of a process share the memory. One that has nothing may always fetch.
func TestTheMemoryIsSharedByAllGroups(t *testing.T) {
	t.Parallel()
	memory := NewMemory()
	one, other := &share{Memory: memory}, &share{Memory: memory}
	one.take(queueBytes)
	if !other.short() || one.full() != nil {
		t.Error("short, and not yet full")
	}
	one.take(fullBytes - queueBytes)
	freed := one.full()
	if freed == nil || other.full() != nil {
		t.Fatal("one must wait, the other must not")
	}
	other.take(1)
	if other.full() == nil {
		t.Error("the other has some now")
	}
	one.give(2)
	<-freed
	if one.full() != nil {
		t.Error("there is room again")
	}
}

// An answer of a broker is decompressed in part: its first batch, and others up to a bound.
func TestAnAnswerIsDecompressedUpToABound(t *testing.T) {
	t.Parallel()
	for _, codec := range []kgo.CompressionCodec{kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.GzipCompression(), kgo.ZstdCompression()} {
		u, err := newUnpacker()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			bytes int
			again bool // it is to be fetched again
		}{{fetchBytes - 1, false}, {2 * fetchBytes, false}, {10, true}, {2 * fetchBytes, true}} {
			out, err := unpack(t, u, codec, c.bytes)
			if errors.Is(err, errFetchedAgain) != c.again || !c.again && len(out) != c.bytes {
				t.Errorf("%v: %d bytes become %d, %v", codec, c.bytes, len(out), err)
			}
		}
		u.OnBrokerRead(kgo.BrokerMetadata{}, int16(kmsg.Heartbeat), 0, 0, 0, nil)
		if _, err := unpack(t, u, codec, 10); !kerr.IsRetriable(err) {
			t.Errorf("%v: %v is an error that the client tells", codec, err)
		}
		u.OnBrokerRead(kgo.BrokerMetadata{}, int16(kmsg.Fetch), 0, 0, 0, nil)
		if _, err := unpack(t, u, codec, maxUnpacked); err != nil {
			t.Errorf("%v: the first batch of the next answer: %v", codec, err)
		}
		u.OnBrokerRead(kgo.BrokerMetadata{}, int16(kmsg.Fetch), 0, 0, 0, nil)
		if _, err := unpack(t, u, codec, maxUnpacked+1); !errors.Is(err, kgo.ErrMaxDecompress) {
			t.Errorf("%v: a batch that is too large: %v", codec, err)
		}
	}
}

// unpack decompresses a batch of so many bytes.
func unpack(t *testing.T, u *unpacker, codec kgo.CompressionCodec, n int) ([]byte, error) {
	t.Helper()
	c, err := kgo.DefaultCompressor(codec)
	if err != nil {
		t.Fatal(err)
	}
	var into bytes.Buffer
	packed, kind := c.Compress(&into, bytes.Repeat([]byte("x"), n), 0)
	return u.Decompress(packed, kind)
}
