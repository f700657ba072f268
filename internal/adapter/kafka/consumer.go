package kafka

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/wakeup"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Handler processes a batch: events of one partition in their order, all of known
// types. It may see an event again that it has processed before. If it returns an
// error, it is called again, as the failure policy says (see blame): with the same
// batch, or with parts of it. It must return when ctx ends, which is when the
// deadline passes or another member takes the partition over.
type Handler func(ctx context.Context, batch []event.Opened) error

// ErrHung is the error of a consumer whose handler has not returned though its
// deadline has passed. The process must end: it cannot stop the handler.
var ErrHung = errors.New("kafka: the handler of a batch does not return")

const (
	// maxBatch bounds a batch. There is no minimum: a batch is what has arrived
	// since the last one, so that a single event does not wait for others.
	maxBatch = 3_000
	maxPoll  = 2 * maxBatch
	// A queue of queueHigh records pauses its partition; at queueLow it is fetched
	// again. Memory holds at most queueHigh records and one poll per partition.
	queueHigh = 2 * maxBatch
	queueLow  = maxBatch

	// queueMost is the same in bytes.
	queueMost = 2 << 20

	// maxBatchBytes bounds a batch of large records.
	maxBatchBytes = 1 << 20
	// maxFetch and maxFetchPartition bound what the client fetches ahead, compressed.
	maxFetch          = 1 << 20
	maxFetchPartition = 128 << 10

	fetchWait = 100 * time.Millisecond
	// A consumer for which nobody waits fetches when there are lingerBytes, or after
	// lingerWait: fewer, larger batches cost the database less.
	lingerWait        = 300 * time.Millisecond
	lingerBytes       = 256 << 10
	sessionTimeout    = 6 * time.Second // the least that brokers allow by default
	heartbeatInterval = time.Second
	rebalanceTimeout  = 20 * time.Second
	// handlerGrace is how long a running batch may take once its partition is
	// revoked or the program stops. It must fit into rebalanceTimeout.
	handlerGrace = 5 * time.Second
	leaveTimeout = 3 * time.Second
	pollPause    = 250 * time.Millisecond // after an error
	// hangGrace is how long a handler may take to return once its deadline has passed.
	hangGrace = 5 * time.Second
)

// Consumer reads topics as a member of a consumer group. Each partition has its
// own goroutine and queue; an offset is committed after the handler has succeeded.
type Consumer struct {
	config   Config
	name     string            // of the group
	group    string            // with prefix
	sources  map[string]string // the topic that a retry topic is for, both with prefix
	topics   []string          // that it reads, with prefix
	client   *kgo.Client
	abort    context.CancelFunc // aborts all requests of the client
	admin    *kadm.Client
	handling handling
	log      *slog.Logger
	metrics  consumerMetrics
	offsets  *offsets
	memory   *share
	bench    *seat
	hanging  chan struct{} // closed once a handler does not return
	hangOnce sync.Once

	health    health
	fetching  atomic.Pointer[string] // why the last fetch failed
	suspected wakeup.Signal          // a fetch says that a topic may be another one now
	mu        sync.Mutex
	workers   map[partition]*worker
	ids       map[string]topicID // of the topics that the client reads
	sizes     map[string]int     // how many partitions they have
	suspects  map[string]bool    // topics that are to be found again
}

// partition names a partition of a topic.
type partition struct {
	topic  string // with prefix
	number int32
}

// asMap returns the partition in the form that the client takes.
func (p partition) asMap() map[string][]int32 { return map[string][]int32{p.topic: {p.number}} }

// NewConsumer returns a member of a group that reads topics; both are named
// without prefix. It joins the group at once, so the caller must call Run.
func NewConsumer(c Config, group string, topics []string, handle Handler, log *slog.Logger) (*Consumer, error) {
	return newConsumer(c, group, topics, c.sources(group, topics), lowLatency(), func(m *Consumer) handling {
		return handlingOf[event.Opened]{m.open, handle}
	}, log)
}

// newConsumer returns a member of a group that reads topics, named without prefix, and
// the retry topics that sources has. fetch says how soon it fetches what has come.
func newConsumer(
	c Config, group string, topics []string, sources map[string]string, fetch []kgo.Opt, build func(*Consumer) handling, log *slog.Logger,
) (*Consumer, error) {
	metrics, err := newConsumerMetrics(c.Metrics, group)
	if err != nil {
		return nil, err
	}
	unpack, err := newUnpacker()
	if err != nil {
		return nil, err
	}
	memory := cmp.Or(c.Memory, NewMemory())
	m := &Consumer{
		config: c, name: group, group: c.Prefix + group, sources: sources, topics: slices.Sorted(maps.Keys(sources)),
		log: log.With("group", group), metrics: metrics, memory: &share{Memory: memory}, bench: memory.bench.seat(), hanging: make(chan struct{}), workers: map[partition]*worker{},
		suspected: wakeup.New(), ids: map[string]topicID{}, sizes: map[string]int{}, suspects: map[string]bool{},
	}
	for _, topic := range topics {
		m.topics = append(m.topics, c.Topic(topic))
	}
	m.handling = build(m)
	ctx, abort := context.WithCancel(context.Background())
	m.abort = abort
	options := append(append(m.options(), kgo.WithContext(ctx), kgo.WithDecompressor(unpack), kgo.WithHooks(unpack)), fetch...)
	// The client may assign partitions before connect returns: assigned waits until the consumer is complete.
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.client, err = c.connect(log, options...); err != nil {
		abort()
		return nil, err
	}
	m.admin = kadm.NewClient(m.client)
	m.offsets = newOffsets(m.client, m.log, c)
	return m, nil
}

func (c *Consumer) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.ConsumerGroup(c.group), kgo.ConsumeTopics(c.topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(heartbeatInterval), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.FetchMaxBytes(maxFetch), kgo.FetchMaxPartitionBytes(maxFetchPartition),
		kgo.RecordPartitioner(partitioner{kgo.StickyKeyPartitioner(nil), c.parks()}), kgo.AllowIdempotentProduceCancellation(),
		kgo.OnPartitionsAssigned(c.assigned), kgo.OnPartitionsRevoked(c.revoked), kgo.OnPartitionsLost(c.lost),
		kgo.AdjustFetchOffsetsFn(c.adjust),
	}
}

// lowLatency returns the options of a consumer that fetches whatever has come, at once.
func lowLatency() []kgo.Opt { return []kgo.Opt{kgo.FetchMinBytes(1), kgo.FetchMaxWait(fetchWait)} }

// largeBatches returns those of one for which nobody waits.
func largeBatches() []kgo.Opt {
	return []kgo.Opt{kgo.FetchMinBytes(lingerBytes), kgo.FetchMaxWait(lingerWait)}
}

// Ping returns an error if no broker can be reached.
func (c *Consumer) Ping(ctx context.Context) error { return c.config.ping(ctx, c.client) }

// Run consumes until ctx ends. Then it finishes the running batches, commits
// them and leaves the group, so that other members take over at once. If a handler
// does not return, it does the same without that handler and returns ErrHung.
func (c *Consumer) Run(ctx context.Context) (err error) {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	polling, end := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { c.offsets.commitUntil(background) })
	wg.Go(func() { c.exportLagUntil(background) })
	wg.Go(func() { c.watchTopicsUntil(background) })
	wg.Go(func() {
		defer end()
		select {
		case <-ctx.Done():
		case <-c.hanging:
			err = ErrHung
		}
	})
	c.poll(polling)
	c.release(c.all(), handlerGrace)
	stop()
	wg.Wait()
	c.leave(context.WithoutCancel(ctx))
	return err
}

// poll fetches records and adds them to the queues of their partitions. It never
// waits for a handler: that would block the other partitions and rebalances.
func (c *Consumer) poll(ctx context.Context) {
	failing := outage.New(c.log, "fetch from kafka")
	for c.awaitMemory(ctx) {
		fetches := c.client.PollRecords(ctx, maxPoll)
		c.enqueueAll(fetches)
		c.client.AllowRebalance()
		if err := fetches.Err(); err != nil && ctx.Err() == nil {
			failing.Failed(err)
			text := "fetch from kafka: " + err.Error()
			c.fetching.Store(&text)
			backoff.Wait(ctx, pollPause)
		} else {
			failing.Recovered()
			c.fetching.Store(nil)
		}
	}
}

// awaitMemory waits while the memory is full. It reports false if ctx has ended.
func (c *Consumer) awaitMemory(ctx context.Context) bool {
	for {
		freed := c.memory.full()
		if freed == nil || ctx.Err() != nil {
			return ctx.Err() == nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
		}
	}
}

// enqueueAll adds what was fetched to the queues.
func (c *Consumer) enqueueAll(fetches kgo.Fetches) {
	for _, fetch := range fetches {
		for _, t := range fetch.Topics {
			for _, p := range t.Partitions {
				if errors.Is(p.Err, kerr.UnknownTopicID) {
					c.suspect(t.Topic)
				}
				at := partition{t.Topic, p.Partition}
				if batch, ok := errors.AsType[*kgo.ErrDecompressTooLarge](p.Err); ok {
					p.Records, p.Err = append(p.Records, c.skip(at, batch)...), nil
				}
				c.enqueue(at, t.TopicID, p)
			}
		}
	}
}

// enqueue adds the records of a partition to its queue.
func (c *Consumer) enqueue(at partition, topic topicID, p kgo.FetchPartition) {
	w := c.worker(at)
	if w == nil {
		return
	}
	if !w.log.is(topic) {
		c.suspect(at.topic) // its offset is that of the topic before
		return
	}
	c.note(w, w.log.passed(p))
	if len(p.Records) > 0 {
		w.queue.push(p.Records)
	}
}

func (c *Consumer) worker(at partition) *worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.workers[at]
}

// leave leaves the group. If that takes long it gives up, and the brokers notice when the
// session times out: they may be away, or a rebalance may be under way that waits for a
// member that has died. The client would wait for its end.
func (c *Consumer) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	if err := c.client.LeaveGroupContext(ctx); err != nil {
		c.log.Warn("cannot leave the consumer group: its other members take over when the session times out", "error", err)
	}
	if ctx.Err() != nil {
		c.abort()
	}
	c.client.CloseAllowingRebalance()
	c.abort()
	// A leave that timed out may still wait for a poll to end; nothing polls any more.
	c.client.AllowRebalance()
}
