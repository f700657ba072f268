// Package kafka carries events over Kafka: topics, a producer for the outbox, a
// lossy one for views, and a consumer that hands over batches. Nothing outside
// of it knows what a record looks like.
package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Config is what every part of this package needs.
type Config struct {
	Brokers  []string // host:port of one broker or more
	Prefix   string   // put before the name of every topic and group
	ClientID string   // what brokers call this program in their logs

	Clock   clock.Clock           // tells the time
	Random  backoff.Random        // spreads the waits between tries
	Metrics prometheus.Registerer // where to count

	// Dial connects to a broker by its host:port, over whatever network there
	// is; nil means TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Topic returns a topic's name on the cluster.
func (c Config) Topic(name string) string { return c.Prefix + name }

// bare is the reverse of Topic.
func (c Config) bare(topic string) string { return strings.TrimPrefix(topic, c.Prefix) }

const (
	dialTimeout = 3 * time.Second
	// metadataMinAge is how soon a client may ask again who leads a partition:
	// after a change of leader it is wrong until then, and 5 s by default.
	metadataMinAge = 250 * time.Millisecond
)

// open returns a client. It speaks to no broker yet.
func (c Config) open(log *slog.Logger, options ...kgo.Opt) (*kgo.Client, error) {
	common := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.ClientID(c.ClientID), kgo.WithLogger(chatter{log}),
		kgo.Dialer(c.dial), kgo.MetadataMinAge(metadataMinAge),
	}
	client, err := kgo.NewClient(append(common, options...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return client, nil
}

// dial connects to a broker, or gives up.
func (c Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if c.Dial != nil {
		return c.Dial(ctx, network, address)
	}
	var tcp net.Dialer
	return tcp.DialContext(ctx, network, address)
}

// ping says whether a broker answers, and if not, which ones were asked.
func (c Config) ping(ctx context.Context, client *kgo.Client) error {
	if err := client.Ping(ctx); err != nil {
		return c.unreachable(err)
	}
	return nil
}

func (c Config) unreachable(err error) error {
	return fmt.Errorf("kafka cannot be reached at %s: %w", strings.Join(c.Brokers, ","), err)
}

// chatter passes on what the client library has to say, to those who debug. It
// complains at each try; what matters is told by its callers, once.
type chatter struct{ log *slog.Logger }

// Level implements kgo.Logger.
func (c chatter) Level() kgo.LogLevel {
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelNone
}

// Log implements kgo.Logger.
func (c chatter) Log(level kgo.LogLevel, msg string, attrs ...any) {
	c.log.With(attrs...).Debug("kafka client", "level", level.String(), "said", msg)
}
