package streaming_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/faults"
	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/pgtest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
)

var programs cluster.Programs

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &programs)) }

// shop is streamers, on servers that may be the test's own.
type shop struct {
	t         *testing.T
	env       []string
	brokers   []string
	prefix    string // of topics and groups
	db        *pgtest.DB
	client    *kgo.Client // that produces, and asks about topics
	admin     *kadm.Client
	targets   map[string]*faults.Target // all that faults happen to
	streamers []*cluster.Service
}

// open prepares a shop on servers. Faults happen to those that are the test's own.
func open(t *testing.T, on cluster.Infra, own map[string]*cluster.Server) *shop {
	t.Helper()
	s := &shop{t: t, brokers: on.Brokers, prefix: on.Prefix, env: append(on.Env, "LOG_FORMAT=json"), targets: map[string]*faults.Target{}}
	for name, server := range own {
		s.targets[name] = &faults.Target{Process: server}
	}
	s.db = pgtest.Open(t, on.DatabaseURL)
	s.commerce("migrate")
	s.connect()
	return s
}

// ownPostgres starts a PostgreSQL that the test may kill, beside servers that tests share,
// or beside a Kafka that it may kill as well.
func ownPostgres(t *testing.T, withKafka bool) (cluster.Infra, map[string]*cluster.Server) {
	t.Helper()
	var on cluster.Infra
	port, broker := cluster.FreePort(t), cluster.FreePort(t)
	own := map[string]*cluster.Server{"postgres": cluster.NewServer(t, "postgres", "PG_PORT="+port)}
	if withKafka {
		own["kafka"] = cluster.NewServer(t, "kafka", "KAFKA_PORT="+broker, "KAFKA_CONTROLLER_PORT="+cluster.FreePort(t))
		on.Brokers = []string{"127.0.0.1:" + broker}
	} else {
		on.Brokers, on.Prefix = kafkatest.Real(t)
	}
	cluster.StartServers(t, slices.Collect(maps.Values(own))...)
	on.DatabaseURL = "postgres://commerce@127.0.0.1:" + port + "/commerce?sslmode=disable"
	on.Env = []string{
		"DATABASE_URL=" + on.DatabaseURL, "KAFKA_BROKERS=" + on.Brokers[0], "KAFKA_TOPIC_PREFIX=" + on.Prefix,
		"REDIS_URL=" + os.Getenv("TEST_REDIS_URL"), "REDIS_KEY_PREFIX=" + redistest.Real(t, time.Now).Prefix,
	}
	return on, own
}

// connect opens the client that produces. It tries again whatever happens to the broker.
func (s *shop) connect() {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.UnknownTopicRetries(-1))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(client.Close)
	s.client, s.admin = client, kadm.NewClient(client)
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// commerce runs a command, which must succeed, and returns its output.
func (s *shop) commerce(args ...string) string {
	s.t.Helper()
	return programs.MustRun(s.t, s.env, args...)
}

// streamer returns the next streamer. It does not run.
func (s *shop) streamer() *cluster.Service {
	s.t.Helper()
	name := fmt.Sprint("streamer-", len(s.streamers)+1)
	p := programs.NewService(s.t, "commerce-streamer", name, s.env...)
	s.streamers = append(s.streamers, p)
	s.targets[name] = &faults.Target{Process: p.Program}
	return p
}

// produce publishes records, and waits until they are acknowledged.
func (s *shop) produce(ctx context.Context, records []*kgo.Record) error {
	for _, r := range records {
		r.Topic = s.prefix + r.Topic
	}
	return s.client.ProduceSync(ctx, records...).FirstErr()
}

// awaitEnd waits until all groups have processed all records of all their topics.
func (s *shop) awaitEnd(ctx context.Context, limit time.Duration) {
	s.t.Helper()
	err := cluster.Await(ctx, limit, "the groups have processed everything", func() error {
		if err := kafkatest.AllCaughtUp(ctx, s.admin, s.prefix); err != nil {
			return err
		}
		return kafkatest.CaughtUp(ctx, s.admin, s.prefix+kafka.DeadLetterGroup, len(event.Topics()))
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// checkParked checks that no key waits behind a record that failed.
func (s *shop) checkParked(ctx context.Context) {
	s.t.Helper()
	for _, p := range s.streamers[:2] {
		err := cluster.Await(ctx, 30*time.Second, "no key is parked", func() error {
			page, err := cluster.Page(ctx, p.ManagementURL+"/metrics")
			for line := range strings.Lines(page) {
				if strings.HasPrefix(line, "commerce_consumer_parked_keys{") && !strings.HasSuffix(line, " 0\n") {
					err = errors.New(line)
				}
			}
			return err
		})
		if err != nil {
			s.t.Errorf("%s: %v", p.Name, err)
		}
	}
}

// ends returns how many records each topic has ever had, by its name without prefix.
func (s *shop) ends(ctx context.Context) map[string]int64 {
	s.t.Helper()
	found, err := s.admin.ListEndOffsets(ctx)
	if err = errors.Join(err, found.Error()); err != nil {
		s.t.Fatal(err)
	}
	ends := map[string]int64{}
	found.Each(func(o kadm.ListedOffset) {
		if name, ours := strings.CutPrefix(o.Topic, s.prefix); ours {
			ends[name] += o.Offset
		}
	})
	return ends
}
