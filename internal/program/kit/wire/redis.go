package wire

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// RedisCheck checks that Redis takes writes. It is optional: without Redis every program
// works, only slower.
func RedisCheck(u Infra) manage.Check {
	return manage.Check{Name: "redis", Optional: true, Probe: redis.NewHealth(u.Redis.Client(), u.RedisPrefix, u.Env.Clock).Check}
}

// redisSettings complains about settings of Redis that may hurt, once Redis answers.
func redisSettings(u Infra) run.Component {
	health := redis.NewHealth(u.Redis.Client(), u.RedisPrefix, u.Env.Clock)
	return run.Component{Name: "settings of Redis", Run: func(ctx context.Context) error {
		looking, stop := context.WithCancel(ctx)
		defer stop()
		outage.New(u.Env.Log, "look at the settings of Redis").Repeat(looking, settingsEvery, func(ctx context.Context) error {
			complaint, err := health.Settings(ctx)
			if err != nil {
				return err
			}
			if complaint != "" {
				u.Env.Log.WarnContext(ctx, "the settings of redis may hurt", "problem", complaint)
			}
			stop()
			return nil
		})
		<-ctx.Done()
		return nil
	}}
}

// settingsEvery is how long to wait for a Redis that does not answer yet.
const settingsEvery = 5 * time.Second
