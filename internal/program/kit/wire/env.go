// Package wire builds what several programs share: the environment (clock, ids,
// randomness, log, metrics), the database, Kafka, Redis, payments and the
// management port. A program takes the rest from its own package.
package wire

import (
	"bufio"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
)

// Env is the environment of a program. Packages below internal/program take the
// clock, ids, randomness and the log from it.
type Env struct {
	Clock    clock.Clock
	IDs      id.Source
	Random   backoff.Random
	Log      *slog.Logger
	Registry *prometheus.Registry
	Traces   trace.TracerProvider // nil: no spans are recorded
	// Ahead is how far the clock of this host was ahead of the database's at the start, if it
	// was wrong. Clock is right all the same.
	Ahead time.Duration
	// Instance names this process as the holder of leases. A process that starts
	// again under the same name need not wait for its own leases to expire.
	Instance string
	// IdleInTransaction is how long the database server waits for the next statement of
	// a transaction; 0: for a minute.
	IdleInTransaction time.Duration
	// Connections is how many connections to the database this process has at most, unless
	// its address says another number; 0: 16.
	Connections int
	// DirectURL is the address of the database past a connection pooler; empty: there is none.
	DirectURL string
}

// randomAhead is how many random bytes for ids are read at a time: to ask the system for
// each id takes longer than the rest of it.
const randomAhead = 512

// NewEnv returns the environment of a real program: the system's clock and
// randomness, a new registry and a random instance name.
func NewEnv(log *slog.Logger) Env {
	ids := id.NewSource(time.Now, bufio.NewReaderSize(rand.Reader, randomAhead))
	return Env{
		Clock: time.Now, IDs: ids, Random: mathrand.Float64, Log: log, Registry: manage.Registry(),
		Instance: ids().String(),
	}
}
