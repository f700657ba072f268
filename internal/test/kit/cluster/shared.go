package cluster

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/kafkatest"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// Infra is what the programs of a test run on.
type Infra struct {
	DatabaseURL string
	Brokers     []string
	Prefix      string   // of topics and consumer groups
	Env         []string // the configuration of the programs for it
}

// SharedServers returns a place of the test's own on the servers that all tests
// share: a schema, and prefixes for topics and keys.
func SharedServers(tb testing.TB) Infra {
	tb.Helper()
	brokers, prefix := kafkatest.Real(tb)
	on := Infra{DatabaseURL: storetest.Schema(tb), Brokers: brokers, Prefix: prefix}
	on.Env = []string{
		"DATABASE_URL=" + on.DatabaseURL, "KAFKA_BROKERS=" + strings.Join(brokers, ","), "KAFKA_TOPIC_PREFIX=" + prefix,
		"REDIS_URL=" + os.Getenv("TEST_REDIS_URL"), "REDIS_KEY_PREFIX=" + redistest.Real(tb, time.Now).Prefix,
	}
	return on
}
