package parts

import (
	"context"
	"fmt"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/program/config"
	"github.com/loopers-commerce/commerce/internal/program/run"
)

// Ground is what a server stands on. Whoever laid it clears it away.
type Ground struct {
	World

	DB *sqlstore.DB
	// Aside is the same database for the relay and its leases, nil for DB itself.
	// Requests that wait for a row hold all connections of DB; the relay must
	// not queue behind them, or its leases lapse when the shop is busiest.
	Aside       *sqlstore.DB
	Kafka       kafka.Config
	Redis       *goredis.Client
	RedisPrefix string
}

// Serve lays the ground that c describes, builds a program on it and runs it
// until ctx ends.
func Serve(ctx context.Context, w World, about config.About, c *config.Server,
	build func(context.Context, Ground) (Service, error),
) error {
	db, err := w.MigratedStore(ctx, c.DatabaseURL.Get())
	if err != nil {
		return err
	}
	defer db.Close()
	aside, end, err := w.StoreAside(ctx, c.DatabaseURL.Get(), db)
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
	service, err := build(ctx, Ground{
		World: w, DB: db, Aside: aside, Kafka: w.Kafka(c.KafkaBrokers.Get(), c.KafkaTopicPrefix, about.Name),
		Redis: client, RedisPrefix: c.RedisKeyPrefix,
	})
	if err != nil {
		return err
	}
	defer service.Close()
	w.Log.Info("running", "program", about.Name, "management", fmt.Sprintf("http://%s", management.Addr()), "version", Version())
	return run.All(ctx, w.Log, w.Managed(ctx, management, service).Parts...)
}
