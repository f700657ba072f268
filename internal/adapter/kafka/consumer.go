package kafka

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// Handler deals with a batch: events of one partition in their order, none of
// an unknown type. event.ErrUnreadable means that it has dealt with none of them,
// and never will with one: it is given parts of the batch until that one is found,
// which goes to the dead letters. Any other error means that something it depends
// on is down: it is given the same batch again. It may see an event again that it
// has dealt with.
type Handler func(ctx context.Context, batch []event.Opened) error

const (
	// maxBatch bounds a batch. There is no least: a batch is what has arrived
	// since the last one, so that a lone event does not wait for company.
	maxBatch = 3_000
	maxPoll  = 2 * maxBatch
	// queueHigh is when a partition is no longer fetched, and queueLow when it
	// is again: so much is held in memory, and one poll on top.
	queueHigh = 2 * maxBatch
	queueLow  = maxBatch

	fetchWait         = 100 * time.Millisecond
	sessionTimeout    = 6 * time.Second // the least that brokers allow by default
	heartbeatInterval = time.Second
	rebalanceTimeout  = 20 * time.Second
	// handlerGrace is how long a batch under way may take once its partition,
	// or the program, has to go. It must fit into the rebalance time-out.
	handlerGrace = 5 * time.Second
	leaveTimeout = 3 * time.Second
	pollPause    = 250 * time.Millisecond // after an error
)

// Consumer reads topics as a member of a group. Each partition has a goroutine
// and a queue of its own; offsets are committed when the handler has done.
type Consumer struct {
	config Config
	group  string // as the cluster calls it
	client *kgo.Client
	admin  *kadm.Client
	handle Handler
	log    *slog.Logger
	count  consumed
	done   *offsets

	mu   sync.Mutex
	held map[place]*worker
}

// place is a partition of a topic.
type place struct {
	topic     string // as the cluster calls it
	partition int32
}

// NewConsumer returns a member of a group, by the name it has without prefix,
// that reads topics, likewise. It joins the group at once, so Run must follow.
func NewConsumer(c Config, group string, topics []string, handle Handler, log *slog.Logger) (*Consumer, error) {
	names := make([]string, len(topics))
	for i, topic := range topics {
		names[i] = c.Topic(topic)
	}
	m := &Consumer{
		config: c, group: c.Prefix + group, handle: handle, log: log.With("group", group),
		count: newConsumed(c.Metrics, group), held: map[place]*worker{},
	}
	var err error
	m.client, err = c.open(log,
		kgo.ConsumerGroup(m.group), kgo.ConsumeTopics(names...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(heartbeatInterval), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.FetchMinBytes(1), kgo.FetchMaxWait(fetchWait), kgo.AllowIdempotentProduceCancellation(),
		kgo.OnPartitionsAssigned(m.assigned), kgo.OnPartitionsRevoked(m.revoked), kgo.OnPartitionsLost(m.lost))
	if err != nil {
		return nil, err
	}
	m.admin = kadm.NewClient(m.client)
	m.done = newOffsets(m.client, m.log, c)
	return m, nil
}

// Ping says whether a broker can be reached.
func (c *Consumer) Ping(ctx context.Context) error { return c.config.ping(ctx, c.client) }

// Run consumes until ctx ends. Then it finishes the batches under way, commits
// them and leaves the group, so that others take over at once.
func (c *Consumer) Run(ctx context.Context) error {
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	var sides sync.WaitGroup
	sides.Go(func() { c.done.commitAsTheyCome(beside) })
	sides.Go(func() { c.watchLag(beside) })
	c.poll(ctx)
	c.release(c.everything(), handlerGrace)
	stop()
	sides.Wait()
	c.leave(context.WithoutCancel(ctx))
	return nil
}

// poll hands records to their partitions. It never waits for a handler: that
// would hold up the other partitions, and rebalances.
func (c *Consumer) poll(ctx context.Context) {
	failing := outage.New(c.log, "fetch from kafka")
	for ctx.Err() == nil {
		fetches := c.client.PollRecords(ctx, maxPoll)
		fetches.EachPartition(c.deliver)
		c.client.AllowRebalance()
		if err := fetches.Err(); err != nil && ctx.Err() == nil {
			failing.Failed(err)
			backoff.Wait(ctx, pollPause)
		} else {
			failing.Recovered()
		}
	}
}

func (c *Consumer) deliver(p kgo.FetchTopicPartition) {
	c.mu.Lock()
	w := c.held[place{p.Topic, p.Partition}]
	c.mu.Unlock()
	if w != nil && len(p.Records) > 0 {
		w.push(p.Records)
	}
}

// leave gives the partitions back. With the brokers away it gives up, and they
// find out when the session times out.
func (c *Consumer) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	if err := c.client.LeaveGroupContext(ctx); err != nil {
		c.log.Warn("the group was not told that this consumer leaves", "error", err)
	}
	c.client.CloseAllowingRebalance()
	// A leave that timed out may still wait for a poll to end; nobody polls any more.
	c.client.AllowRebalance()
}
