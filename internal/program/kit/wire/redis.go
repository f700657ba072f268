package wire

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
)

// RedisCheck checks that Redis answers. It is optional: without Redis every program
// works, only slower.
func RedisCheck(client *goredis.Client) manage.Check {
	return manage.Check{Name: "redis", Optional: true, Probe: func(ctx context.Context) error {
		return client.Ping(ctx).Err()
	}}
}
