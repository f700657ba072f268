package kafka_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/kafka/kafkatest"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// ledger remembers what a handler was given, and lets a test wait for it.
type ledger struct {
	mu      sync.Mutex
	changed chan struct{}
	byKey   map[string][]string
}

func newLedger() *ledger { return &ledger{changed: make(chan struct{}), byKey: map[string][]string{}} }

func (l *ledger) note(_ context.Context, batch []event.Opened) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range batch {
		l.byKey[o.Key] = append(l.byKey[o.Key], o.ID.String())
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

func (l *ledger) count(keys ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, ids := range l.byKey {
		if len(keys) == 0 || slices.Contains(keys, key) {
			n += len(firsts(ids))
		}
	}
	return n
}

// await waits until n different events were seen under the keys.
func (l *ledger) await(t *testing.T, n int, keys ...string) {
	t.Helper()
	patience := time.After(30 * time.Second)
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		if l.count(keys...) >= n {
			return
		}
		select {
		case <-changed:
		case <-patience:
			t.Fatalf("saw %d events, not %d", l.count(keys...), n)
		}
	}
}

// consume runs a consumer and returns what stops it and waits for its end.
func consume(t *testing.T, c kafka.Config, handle kafka.Handler, log *slog.Logger) (stop func()) {
	t.Helper()
	consumer, err := kafka.NewConsumer(c, "ranking", event.Topics(), handle, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func publish(t *testing.T, c kafka.Config, batch []event.Envelope) {
	t.Helper()
	if err := errors.Join(producer(t, c).Publish(t.Context(), batch)...); err != nil {
		t.Fatal(err)
	}
}

func realBrokers(t *testing.T) kafka.Config {
	t.Helper()
	brokers, prefix := kafkatest.Real(t)
	config := kafkatest.Config(brokers, prefix)
	if err := kafka.EnsureTopics(t.Context(), config, quiet()); err != nil {
		t.Fatal(err)
	}
	return config
}

func embeddedBroker(t *testing.T) kafka.Config {
	t.Helper()
	return kafkatest.Prepared(t, kafkatest.Cluster(t))
}

func bothBrokers() map[string]func(*testing.T) kafka.Config {
	return map[string]func(*testing.T) kafka.Config{"embedded": embeddedBroker, "real": realBrokers}
}

func TestEventsPublishedBeforeTheGroupExistsAreHandledOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			publish(t, config, likes(t, 100, 1, 2, 3, 4))
			seen := newLedger()
			stop := consume(t, config, seen.note, quiet())
			seen.await(t, 400)
			stop()
			for key, ids := range seen.byKey {
				if len(ids) != 100 || !slices.IsSorted(ids) {
					t.Errorf("key %s: %v", key, ids)
				}
			}
			late := newLedger()
			defer consume(t, config, late.note, quiet())()
			publish(t, config, likes(t, 1, 5))
			late.await(t, 1)
			if n := late.count(); n != 1 {
				t.Errorf("%d events were seen again: what was done is not committed", n-1)
			}
		})
	}
}

func TestALoneEventIsHandledAtOnce(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			seen := newLedger()
			consume(t, config, seen.note, quiet())
			p := producer(t, config)
			batch := likes(t, 11, 1)
			fastest := time.Hour
			for i, v := range batch { // the first waits for the group to form
				began := time.Now()
				if err := p.Publish(t.Context(), []event.Envelope{v})[0]; err != nil {
					t.Fatal(err)
				}
				seen.await(t, i+1)
				fastest = min(fastest, time.Since(began))
			}
			if fastest > 100*time.Millisecond {
				t.Errorf("the fastest event took %v", fastest)
			}
		})
	}
}

func TestAnUnreadableRecordBecomesADeadLetterAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			topic := config.Topic(event.CatalogTopic)
			bad := &kgo.Record{
				Topic: topic, Key: []byte("1"), Value: []byte("\x00not an event"),
				Headers: []kgo.RecordHeader{{Key: "of-its-own", Value: []byte("kept")}}, Timestamp: time.UnixMilli(1_700_000_000_123),
			}
			publish(t, config, likes(t, 5, 1))
			raw(t, config, bad)
			publish(t, config, likes(t, 6, 1)[5:])
			seen := newLedger()
			consume(t, config, seen.note, quiet())
			letter := kafkatest.Records(t, config.Brokers, topic+"-dlt", 1)[0]
			seen.await(t, 6)
			headers := map[string]string{}
			for _, h := range letter.Headers {
				headers[h.Key] = string(h.Value)
			}
			for name, want := range map[string]string{
				"of-its-own": "kept", "kafka_dlt-original-topic": topic, "kafka_dlt-original-offset": "5",
				"kafka_dlt-original-timestamp": "1700000000123", "kafka_dlt-original-consumer-group": config.Prefix + "ranking",
				"kafka_dlt-exception-fqcn":    "github.com/loopers-commerce/commerce/internal/contract/event.ErrUnreadable",
				"kafka_dlt-exception-message": `unreadable event: ce_specversion is "", not 1.0`,
			} {
				if headers[name] != want {
					t.Errorf("%s is %q, want %q", name, headers[name], want)
				}
			}
			if n := metric(t, config, "commerce_consumed_dead_letters_total"); n != 1 {
				t.Errorf("%v dead letters are counted", n)
			}
			if _, there := headers["kafka_dlt-original-partition"]; !there || string(letter.Key) != "1" || string(letter.Value) != "\x00not an event" {
				t.Errorf("the letter is %s %q with %v", letter.Key, letter.Value, headers)
			}
		})
	}
}

func raw(t *testing.T, config kafka.Config, records ...*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestADeadLetterThatCannotBeWrittenIsNotLost(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	topic := config.Topic(event.OrderTopic)
	raw(t, config, &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("?")})
	refusals := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic + "-dlt", Err: kerr.TopicAuthorizationFailed, Count: -1})
	stop := consume(t, config, newLedger().note, quiet())
	if err := refusals.Wait(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	stop() // in the middle of it: the next member starts with the same record
	refusals.Remove()
	consume(t, config, newLedger().note, quiet())
	kafkatest.Records(t, config.Brokers, topic+"-dlt", 1)
}

func TestEventsOfAnUnknownTypeAreSkippedAndCounted(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	batch := likes(t, 3, 1)
	batch[1].Type = "product.exploded"
	publish(t, config, batch)
	seen := newLedger()
	stop := consume(t, config, seen.note, quiet())
	seen.await(t, 2)
	stop()
	if n := metric(t, config, "commerce_consumed_unknown_total"); n != 1 {
		t.Errorf("%v are counted", n)
	}
	if n := metric(t, config, "commerce_consumed_records_total"); n != 3 {
		t.Errorf("%v records are counted", n)
	}
}

func TestADependencyThatIsDownHoldsUpItsPartitionOnly(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	publish(t, config, likes(t, 10, 1, 2, 3, 4, 5, 6))
	seen := newLedger()
	down := make(chan struct{})
	tries, sizes := make(chan struct{}, 1000), map[int]bool{}
	var told strings.Builder
	var mu sync.Mutex
	handle := func(ctx context.Context, batch []event.Opened) error {
		if batch[0].Key == "1" {
			mu.Lock()
			defer mu.Unlock()
			select {
			case <-down:
			default:
				sizes[len(batch)] = true
				tries <- struct{}{}
				return errors.New("the database is away")
			}
		}
		return seen.note(ctx, batch)
	}
	stop := consume(t, config, handle, slog.New(slog.NewTextHandler(&told, nil)))
	for range 4 {
		<-tries
	}
	seen.await(t, 10, "2") // unless it shares the partition of 1
	close(down)
	seen.await(t, 60)
	stop()
	if strings.Count(told.String(), "the database is away") != 1 || strings.Count(told.String(), "it works again") != 1 {
		t.Errorf("each change of state should be told once:\n%s", &told)
	}
	if len(sizes) != 1 {
		t.Errorf("the batch changed from try to try: %v", sizes)
	}
}

func TestABatchUnderWayIsFinishedAndCommittedAtShutdown(t *testing.T) {
	t.Parallel()
	config := kafkatest.Prepared(t, kafkatest.Cluster(t))
	publish(t, config, likes(t, 3, 1))
	begun, finish := make(chan struct{}), make(chan struct{})
	stop := consume(t, config, func(context.Context, []event.Opened) error {
		close(begun)
		<-finish
		return nil
	}, quiet())
	<-begun
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	select {
	case <-stopped:
		t.Error("it stopped in the middle of a batch")
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	<-stopped
	if n := committed(t, config); n != 3 {
		t.Errorf("%d records are committed, want 3", n)
	}
}

func committed(t *testing.T, config kafka.Config) (n int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(config.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), config.Prefix+"ranking")
	if err != nil {
		t.Fatal(err)
	}
	offsets.Each(func(o kadm.OffsetResponse) { n += o.At })
	return n
}

func TestMembersThatComeAndGoLoseNothingAndKeepTheOrder(t *testing.T) {
	t.Parallel()
	for name, start := range bothBrokers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t)
			seen := newLedger()
			keys := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
			batch := likes(t, 60, keys...)
			first := consume(t, config, seen.note, quiet())
			publish(t, config, batch[:160])
			seen.await(t, 160)
			second := consume(t, config, seen.note, quiet())
			third := consume(t, config, seen.note, quiet())
			for i := 160; i < 560; i += 16 { // while they share out the partitions
				publish(t, config, batch[i:i+16])
			}
			first()
			publish(t, config, batch[560:760])
			second()
			publish(t, config, batch[760:])
			seen.await(t, len(batch))
			third()
			for key, ids := range seen.byKey {
				if once := firsts(ids); len(once) != 60 || !slices.IsSorted(once) {
					t.Errorf("key %s: %v", key, ids)
				}
			}
			if n := committed(t, config); n != int64(len(batch)) {
				t.Errorf("%d of %d records are committed", n, len(batch))
			}
		})
	}
}

func TestAConsumerWithoutBrokersStopsAllTheSame(t *testing.T) {
	t.Parallel()
	cluster := kfake.MustCluster(kfake.NumBrokers(1))
	config := kafkatest.Prepared(t, cluster)
	publish(t, config, likes(t, 1, 1))
	seen := newLedger()
	stop := consume(t, config, seen.note, quiet())
	seen.await(t, 1)
	cluster.Close()
	began := time.Now()
	stop()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAMemberThatTheGroupHasForgottenComesBack(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Cluster(t)
	config := kafkatest.Prepared(t, cluster)
	batch := likes(t, 10, 1, 2, 3)
	seen := newLedger()
	var told lines
	stop := consume(t, config, seen.note, slog.New(slog.NewTextHandler(&told, nil)))
	publish(t, config, batch[:15])
	seen.await(t, 15)
	forgotten := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Err: kerr.UnknownMemberID})
	if err := forgotten.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	publish(t, config, batch[15:])
	seen.await(t, 30)
	stop()
	if !strings.Contains(told.String(), "partitions were lost") {
		t.Errorf("the loss is not told:\n%s", told.String())
	}
	if n := committed(t, config); n != 30 {
		t.Errorf("%d of 30 records are committed", n)
	}
}

// lines is a log that several goroutines write and read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestABrokerThatComesBackIsUsedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cluster := kfake.MustCluster(kfake.NumBrokers(1), kfake.DataDir(dir))
	config := kafkatest.Prepared(t, cluster)
	_, port, err := net.SplitHostPort(config.Brokers[0])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	p, seen, batch := producer(t, config), newLedger(), likes(t, 10, 1, 2, 3)
	stop := consume(t, config, seen.note, quiet())
	if failed, _ := keysOf(batch, p.Publish(t.Context(), batch[:15])); len(failed) != 0 {
		t.Fatalf("keys %v failed", failed)
	}
	seen.await(t, 15)
	cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, failed := keysOf(batch[15:], p.Publish(ctx, batch[15:])); len(failed) != 15 {
		t.Errorf("%d of 15 failed without a broker", len(failed))
	}
	kafkatest.Cluster(t, kfake.DataDir(dir), kfake.Ports(number))
	began := time.Now()
	if err := errors.Join(p.Publish(t.Context(), batch[15:])...); err != nil {
		t.Fatal(err)
	}
	seen.await(t, 30)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it took %v to find the broker again", took)
	}
	stop()
}
