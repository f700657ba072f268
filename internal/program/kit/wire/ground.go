package wire

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Infra is what a server stands on. Whoever laid it clears it away.
type Infra struct {
	Env

	DB *sqlstore.DB
	// RelayDB is the same database for the relay and its leases, nil for DB itself.
	// Requests that wait for a row hold all connections of DB; the relay must
	// not queue behind them, or its leases lapse when the shop is busiest.
	RelayDB     *sqlstore.DB
	Kafka       kafka.Config
	Redis       *goredis.Client
	RedisPrefix string
}

// Serve lays the ground that c describes, builds a program on it and runs it
// until ctx ends.
func Serve(ctx context.Context, w Env, about config.About, c *config.Server,
	build func(context.Context, Infra) (Service, error),
) error {
	db, err := w.MigratedStore(ctx, c.DatabaseURL.Get())
	if err != nil {
		return err
	}
	defer db.Close()
	aside, end, err := w.RelayStore(ctx, c.DatabaseURL.Get(), db)
	if err != nil {
		return err
	}
	defer end() //nolint:errcheck // the process ends
	client, err := redis.Open(c.RedisURL.Get())
	if err != nil {
		return err
	}
	defer client.Close()
	management, err := Listen(ctx, c.ManagementHost, c.ManagementPort.Get(), "MANAGEMENT_PORT")
	if err != nil {
		return err
	}
	defer management.Close()
	service, err := build(ctx, Infra{
		Env: w, DB: db, RelayDB: aside, Kafka: w.Kafka(c.KafkaBrokers.Get(), c.KafkaTopicPrefix, about.Name),
		Redis: client, RedisPrefix: c.RedisKeyPrefix,
	})
	if err != nil {
		return err
	}
	defer service.Close()
	w.Log.Info("running", "program", about.Name, "management", fmt.Sprintf("http://%s", management.Addr()), "version", Version())
	return run.All(ctx, w.Log, w.Managed(ctx, management, service).Parts...)
}
