package allinone

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// servers are the embedded servers and the clients of the programs.
type servers struct {
	infra    wire.Infra
	database string // addresses, for other commands
	redis    string
	closers  []func()
}

// startServers starts the embedded servers, which keep their data in dir.
func startServers(ctx context.Context, env wire.Env, dir string) (s servers, err error) {
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	brokers, stopBroker, err := startBroker(filepath.Join(dir, "kafka"))
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, stopBroker)
	url, stopRedis, err := startRedis()
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, stopRedis)
	client, err := redis.Open(url, redis.WithBuffers(4<<10))
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, func() { _ = client.Close() })
	s.redis, s.database = url, "sqlite:"+filepath.Join(dir, "shop.db")
	db, err := env.Store(ctx, s.database)
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, func() { _ = db.Close() })
	s.infra = wire.Infra{Env: env, DB: db, Kafka: env.Kafka(brokers, "", "commerce-dev"), Redis: redis.NewCaller(client, redis.Patience, env.Clock, env.Log)}
	return s, nil
}

// close stops what was started, last started first.
func (s servers) close() {
	for _, f := range slices.Backward(s.closers) {
		f()
	}
}
