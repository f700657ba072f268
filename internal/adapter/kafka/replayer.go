package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
)

// Replayer sends dead letters to the groups that could not process them, and to no other:
// it writes each to the first retry topic of its group.
type Replayer struct {
	config Config
	log    *slog.Logger

	mu     sync.Mutex
	client *kgo.Client // nil until the first replay
}

// ErrNotConfirmed is returned for a letter that Kafka has perhaps, and perhaps not.
var ErrNotConfirmed = fault.New(fault.Unavailable, "REPLAY_NOT_CONFIRMED", "kafka has not confirmed the replay; try again later")

// NewReplayer returns a replayer. It connects to the brokers at its first replay: most
// programs that have one never replay anything.
func NewReplayer(c Config, log *slog.Logger) *Replayer { return &Replayer{config: c, log: log} }

// Close closes the replayer. A running Replay fails.
func (p *Replayer) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		p.client.Close()
	}
}

func (p *Replayer) connected() (*kgo.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client != nil {
		return p.client, nil
	}
	var err error
	p.client, err = p.config.connect(p.log, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.AllowIdempotentProduceCancellation())
	return p.client, err
}

// Readable returns event.ErrUnreadable if this program cannot read the record of a
// letter. Types that it does not know are readable: they are skipped.
func (p *Replayer) Readable(l deadletter.Letter) error {
	r := p.config.replayOf(l, time.Time{})
	r.Topic = l.Origin.Topic
	v, err := p.config.decode(r)
	if err == nil {
		_, err = v.Open()
	}
	return err
}

// Replay sends the letters, and returns one result for each: nil means that Kafka has it.
// Letters with the same key are sent one after another. If one fails, those after it with
// the same key are not sent: they must not overtake it.
func (p *Replayer) Replay(ctx context.Context, letters []deadletter.Letter) []error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	errs := make([]error, len(letters))
	client, err := p.connected()
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	stopped := map[string]bool{} // keys of which one has failed
	for left := upTo(len(letters)); len(left) > 0; {
		var wave []int
		wave, left = firstOfKeys(letters, left)
		p.send(ctx, client, letters, wave, errs, stopped)
	}
	return errs
}

// upTo returns the numbers from 0 to n-1.
func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// firstOfKeys returns the first letter of each key, and the others.
func firstOfKeys(letters []deadletter.Letter, from []int) (wave, others []int) {
	seen := map[string]bool{}
	for _, i := range from {
		key := keyOf(letters[i])
		if seen[key] {
			others = append(others, i)
			continue
		}
		seen[key] = true
		wave = append(wave, i)
	}
	return wave, others
}

// keyOf names what stays in order. Keys of different groups are not the same.
func keyOf(l deadletter.Letter) string {
	return l.Group + "/" + l.Origin.Topic + "/" + string(l.Content.Key)
}

func (p *Replayer) send(
	ctx context.Context, client *kgo.Client, letters []deadletter.Letter, wave []int, errs []error, stopped map[string]bool,
) {
	records := make([]*kgo.Record, 0, len(wave))
	sent := map[*kgo.Record]int{}
	for _, i := range wave {
		if stopped[keyOf(letters[i])] {
			errs[i] = ErrHeldBack
			continue
		}
		r := p.config.replayOf(letters[i], p.config.Clock())
		records, sent[r] = append(records, r), i
	}
	for _, result := range client.ProduceSync(ctx, records...) {
		if result.Err != nil {
			i := sent[result.Record]
			errs[i] = notConfirmed(result.Err)
			stopped[keyOf(letters[i])] = true
		}
	}
}

func notConfirmed(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrNotConfirmed, err)
}

// replayOf returns the record that replays a letter. It has the key, the value and the
// headers of the record that failed, so event id and order stay the same. It is due at
// once, and has all attempts before it.
func (c Config) replayOf(l deadletter.Letter, now time.Time) *kgo.Record {
	r := &kgo.Record{
		Topic: c.Topic(AgainTopic(l.Origin.Topic, l.Group)), Key: l.Content.Key, Value: l.Content.Value,
	}
	for _, h := range l.Content.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
	}
	var at string
	if l.OriginAt != nil {
		at = strconv.FormatInt(l.OriginAt.UnixMilli(), 10)
	}
	r.Headers = append(r.Headers,
		header(DeadTopic, c.Topic(l.Origin.Topic)), header(DeadPartition, strconv.Itoa(int(l.Origin.Partition))),
		header(DeadOffset, strconv.FormatInt(l.Origin.Offset, 10)), header(DeadTimestamp, at), header(DeadGroup, c.Prefix+l.Group),
		header(RetryAttempts, "0"), header(RetryDue, strconv.FormatInt(now.UnixMilli(), 10)),
		header(Replays, strconv.Itoa(l.Replays+1)))
	return r
}
