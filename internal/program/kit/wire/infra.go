package wire

import (
	"context"
	"errors"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/heap"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Infra is the infrastructure of a server: its environment, and the database,
// Kafka and Redis that it uses. Its creator closes them.
type Infra struct {
	Env Env
	DB  *sqlstore.DB // for requests, or what else the program is there for
	// The same database for the relay, for the background and for health, each with a share
	// of the connections; nil means DB. Requests that wait for a locked row hold all
	// connections of DB. The relay must not wait behind them: its leases would expire when
	// the shop is busiest.
	RelayDB, BackgroundDB, HealthDB *sqlstore.DB

	Kafka       kafka.Config
	Redis       *redis.Caller
	RedisPrefix string
}

// Program is a program that is ready to run.
type Program struct {
	Components []run.Component // in the order in which they stop
	Checks     []manage.Check  // the dependencies that /readyz reports
	Pages      []manage.Page   // what else the management port serves
	Close      func()          // called once all components have stopped
}

// Serve opens the infrastructure that c describes, builds a program on it and runs
// it until ctx ends.
func Serve(ctx context.Context, env Env, about config.About, c *config.Server,
	build func(context.Context, Infra) (Program, error),
) error {
	env, flush, err := env.WithTraces(ctx, about.Name, c.Traces)
	if err != nil {
		return err
	}
	defer flush()
	infra, closeInfra, err := open(ctx, env, about, c)
	if err != nil {
		return err
	}
	defer closeInfra()
	management, err := Listen(ctx, c.ManagementHost, c.ManagementPort.Get(), "MANAGEMENT_PORT")
	if err != nil {
		return err
	}
	defer management.Close()
	program, err := build(ctx, infra)
	if err != nil {
		return err
	}
	defer program.Close()
	program.Components = append(program.Components, redisSettings(infra), run.Component{Name: "minimum of the heap", Run: func(ctx context.Context) error {
		heap.KeepMinimum(ctx, c.MinHeapBytes())
		return nil
	}})
	env.Log.Info("running", "program", about.Name, "management", fmt.Sprintf("http://%s", management.Addr()), "version", Version())
	program, err = env.WithManagementPort(ctx, management, program)
	if err != nil {
		return err
	}
	return run.All(ctx, env.Log, program.Components...)
}

// open opens the infrastructure of a server.
func open(ctx context.Context, env Env, about config.About, c *config.Server) (_ Infra, closeAll func(), err error) {
	env.DirectURL = c.DatabaseDirectURL.Get()
	db, err := env.MigratedStore(ctx, c.DatabaseURL.Get())
	if err != nil {
		return Infra{}, nil, err
	}
	shares := Divide(db)
	if err := shares.export(env); err != nil {
		return Infra{}, nil, closing(db, err)
	}
	client, err := redis.Open(c.RedisURL.Get())
	if err != nil {
		return Infra{}, nil, errors.Join(err, db.Close())
	}
	infra := Infra{
		Env: env, DB: shares.Main, RelayDB: shares.Relay, BackgroundDB: shares.Background, HealthDB: shares.Health,
		Kafka: env.Kafka(c.KafkaBrokers.Get(), c.KafkaTopicPrefix, about.Name),
		Redis: redis.NewCaller(client, redis.Patience, env.Clock, env.Log), RedisPrefix: c.RedisKeyPrefix,
	}
	return infra, func() { _ = errors.Join(client.Close(), db.Close()) }, nil // the process ends
}
