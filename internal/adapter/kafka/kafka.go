// Package kafka sends and receives events over Kafka: it creates the topics and
// has a producer for the outbox, a lossy producer for views and a consumer of
// batches. No other package knows the format of a record.
package kafka

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/dial"
)

// Config is what every part of this package needs.
type Config struct {
	Brokers  []string // host:port of one broker or more
	Prefix   string   // put before the name of every topic and group
	ClientID string   // names this program in the logs of the brokers

	Clock   clock.Clock
	Random  backoff.Random        // spreads the pauses between attempts
	Metrics prometheus.Registerer // where metrics are registered
	Traces  trace.TracerProvider  // nil: no spans are recorded

	// Memory is what the consumers of the process use together; nil: each has its own.
	Memory *Memory

	// HandlerDeadline is how long a handler may work on a batch; 0 means 30 seconds.
	HandlerDeadline time.Duration

	// Dial connects to a broker by its host:port; nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Topic returns a topic's name on the cluster.
func (c Config) Topic(name string) string { return c.Prefix + name }

// bare is the reverse of Topic.
func (c Config) bare(topic string) string { return strings.TrimPrefix(topic, c.Prefix) }

// deadline returns how long a handler may work on a batch. It must fit into the time
// that a rebalance may take, with what a handler takes to return.
func (c Config) deadline() time.Duration { return cmp.Or(c.HandlerDeadline, defaultDeadline) }

const (
	defaultDeadline = 30 * time.Second
	dialTimeout     = 3 * time.Second
	// metadataMinAge is how soon a client may ask again which broker leads a
	// partition. After a change of leader it sends to the old one until then; the
	// default is 5 s.
	metadataMinAge = 250 * time.Millisecond
)

// connect returns a client. It connects to a broker at its first request.
func (c Config) connect(log *slog.Logger, options ...kgo.Opt) (*kgo.Client, error) {
	common := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.ClientID(c.ClientID), kgo.WithLogger(clientLog{log}),
		kgo.Dialer(c.dial), kgo.MetadataMinAge(metadataMinAge),
	}
	client, err := kgo.NewClient(append(common, options...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return client, nil
}

// dial connects to a broker within dialTimeout.
func (c Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	return dial.To(ctx, network, address)
}

// ping returns an error that names the brokers if none of them answers.
func (c Config) ping(ctx context.Context, client *kgo.Client) error {
	if err := client.Ping(ctx); err != nil {
		return c.unreachable(err)
	}
	return nil
}

func (c Config) unreachable(err error) error {
	return fmt.Errorf("kafka cannot be reached at %s: %w", strings.Join(c.Brokers, ","), err)
}

// clientLog logs the messages of the client library at level debug. The library
// logs every attempt; its callers log each outage once.
type clientLog struct{ log *slog.Logger }

// Level implements kgo.Logger.
func (c clientLog) Level() kgo.LogLevel {
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelNone
}

// Log implements kgo.Logger.
func (c clientLog) Log(level kgo.LogLevel, msg string, attrs ...any) {
	c.log.With(attrs...).Debug("kafka client", "level", level.String(), "message", msg)
}
