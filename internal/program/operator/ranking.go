package operator

import (
	"errors"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/program/batch"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// rankingFlags are the flags of commands that check or rebuild rankings.
type rankingFlags struct {
	boardFlags
	output

	What string      `help:"boards: the live rankings in Redis; tables: the published rankings of days, weeks and months; all: both." default:"all" enum:"all,boards,tables" placeholder:"all|boards|tables"`
	From config.Date `help:"First day of the tables, for example 20261101; by default that of --days. Their weeks and months are included." placeholder:"DAY"`
	To   config.Date `help:"Last day of the tables, inclusive; by default today." placeholder:"DAY"`
}

// Check implements config.Checker.
func (c *rankingFlags) Check() []error {
	found := c.boardFlags.Check()
	if to := c.To.Get(); to != 0 && to < c.From.Get() {
		found = append(found, errors.New("--to (TO) is before --from (FROM)"))
	}
	return found
}

func (c *rankingFlags) scope() batch.Scope {
	return batch.Scope{What: c.What, Days: c.Days.Get(), First: c.From.Get(), Last: c.To.Get()}
}

// withInfra calls do with the database and Redis.
func (c *rankingFlags) withInfra(s *session, do func(u wire.Infra) error) error {
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		client, err := redis.Open(c.RedisURL.Get())
		if err != nil {
			return err
		}
		defer client.Close()
		r := redis.NewCaller(client, redis.Patience, s.env.Clock, quiet())
		return do(wire.Infra{Env: s.env, DB: db, Redis: r, RedisPrefix: c.RedisKeyPrefix})
	})
}
