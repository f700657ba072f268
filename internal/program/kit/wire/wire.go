// Package wire makes what several programs are made of, in one way: the world
// outside of the code, the database by its address, and the port for operators.
package wire

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/postgres"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore/sqlite"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Env is what programs take from outside, and all below them are given.
type Env struct {
	Clock    clock.Clock
	IDs      id.Source
	Random   backoff.Random
	Log      *slog.Logger
	Registry *prometheus.Registry
	// Instance tells this process from others of its kind, as the holder of
	// leases. One that is started again under the same name need not wait for
	// its own leases to run out.
	Instance string
}

// Real returns the world as it is.
func Real(log *slog.Logger) Env {
	ids := id.NewSource(time.Now, rand.Reader)
	return Env{
		Clock: time.Now, IDs: ids, Random: mathrand.Float64, Log: log, Registry: manage.Registry(),
		Instance: ids().String(),
	}
}

// Service is a program put together.
type Service struct {
	Parts  []run.Part     // in the order in which they stop
	Checks []manage.Check // what it needs to do its job
	Close  func()         // once all parts have stopped
}

// Store opens the database at a postgres:// or sqlite: address.
func (w Env) Store(ctx context.Context, address string) (*sqlstore.DB, error) {
	o := sqlstore.Options{
		Clock: w.Clock, IDs: w.IDs, Random: w.Random, Traceparent: Traceparent, Log: w.Log,
	}
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		return sqlite.Open(ctx, path, o)
	}
	return postgres.Open(ctx, address, o)
}

// MigratedStore opens the database, and refuses one whose schema is too old.
func (w Env) MigratedStore(ctx context.Context, address string) (*sqlstore.DB, error) {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil { // opening it would make an empty one
			return nil, fmt.Errorf("there is no database at %s: run `commerce migrate` to make one: %w", path, err)
		}
	}
	db, err := w.Store(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := db.CheckSchema(ctx); err != nil {
		return nil, closing(db, err)
	}
	return db, nil
}

// relayConns is how many connections the relay has for itself: for its passes,
// its leases, what it hears and what it measures.
const relayConns = "4"

// RelayStore opens the database once more for the relay. SQLite has one writer
// and fair turns: there it is the same store.
func (w Env) RelayStore(ctx context.Context, address string, db *sqlstore.DB) (_ *sqlstore.DB, end func() error, err error) {
	u, err := url.Parse(address)
	if err != nil || strings.HasPrefix(address, "sqlite:") {
		return db, func() error { return nil }, err
	}
	q := u.Query()
	q.Set("pool_max_conns", relayConns)
	u.RawQuery = q.Encode()
	own, err := w.Store(ctx, u.String())
	if err != nil {
		return nil, nil, err
	}
	return own, own.Close, nil
}

func closing(db *sqlstore.DB, err error) error {
	if bad := db.Close(); bad != nil {
		return fmt.Errorf("%w (and closing the database: %w)", err, bad)
	}
	return err
}

// Kafka returns what every Kafka client of a program needs.
func (w Env) Kafka(brokers []string, prefix, program string) kafka.Config {
	return kafka.Config{
		Brokers: brokers, Prefix: prefix, ClientID: program,
		Clock: w.Clock, Random: w.Random, Metrics: w.Registry,
	}
}

// Database is the check that the database answers and has the right schema.
func Database(db *sqlstore.DB) manage.Check {
	return manage.Check{Name: "database", Ask: db.CheckSchema}
}

// Topics sees to it that the topics are there. A cluster that is away does not
// keep a program from starting: it is asked again until it is back.
func (w Env) Topics(c kafka.Config) run.Part {
	return run.Part{Name: "topics", Run: func(ctx context.Context) error {
		waits := backoff.New(time.Second, 15*time.Second, w.Random)
		for {
			err := kafka.EnsureTopics(ctx, c, w.Log)
			if err == nil {
				<-ctx.Done()
				return nil
			}
			if ctx.Err() == nil {
				w.Log.Warn("topics are not there yet, trying again", "error", err)
			}
			if !backoff.Wait(ctx, waits.Next()) {
				return nil
			}
		}
	}}
}

// Listen opens a TCP port, and says in words if it is taken.
func Listen(ctx context.Context, host string, port int, name string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("cannot listen on port %d (choose another with %s): %w", port, name, err)
	}
	return l, nil
}

// Managed adds the management port, which stops last: it tells of the stopping.
func (w Env) Managed(ctx context.Context, l net.Listener, s Service) Service {
	stopping := manage.Check{Name: "running", Ask: func(context.Context) error {
		return ctx.Err()
	}}
	server := &http.Server{
		Handler:           manage.Handler(w.Registry, append([]manage.Check{stopping}, s.Checks...)),
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(w.Log.Handler(), slog.LevelDebug),
	}
	s.Parts = append(s.Parts, run.Part{Name: "management port", Run: func(ctx context.Context) error {
		return manage.Serve(ctx, l, server, time.Second, w.Log)
	}})
	return s
}

// Redis is the check that Redis answers. No program needs it for more than speed.
func Redis(client *goredis.Client) manage.Check {
	return manage.Check{Name: "redis", Optional: true, Ask: func(ctx context.Context) error {
		return client.Ping(ctx).Err()
	}}
}

// Version is the version of the program as the Go command knows it.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// Traceparent is the trace context of a request, for the events it causes.
func Traceparent(ctx context.Context) string { return api.Traceparent(ctx) }
