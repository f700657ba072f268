package operator

import (
	"fmt"
	"log/slog"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
)

// boardFlags are the flags of commands that use the board.
type boardFlags struct {
	config.Database
	config.Redis
	config.Log

	Days config.Count `help:"Number of days to check or rebuild, counted back from today; at most 8, because older boards are deleted." default:"8"`
}

// Check implements config.Checker.
func (c *boardFlags) Check() []error {
	if n := c.Days.Get(); n > ranking.Kept {
		return []error{fmt.Errorf("--days (DAYS): %d is more than the number of boards: give 1 to %d", n, ranking.Kept)}
	}
	return nil
}

// with calls do with the database and Redis.
func (c *boardFlags) with(s *session, do func(db *sqlstore.DB, r *redis.Caller) error) error {
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		client, err := redis.Open(c.RedisURL.Get())
		if err != nil {
			return err
		}
		defer client.Close()
		return do(db, redis.NewCaller(client, redis.Patience, s.env.Clock, quiet()))
	})
}

// board returns the board and the days.
func (c *boardFlags) board(s *session, r *redis.Caller) (*redis.Board, []clock.Day) {
	today := clock.DayOf(s.env.Clock())
	return redis.NewBoard(r, c.RedisKeyPrefix), today.Add(1 - c.Days.Get()).Until(today)
}

// quiet returns a log for parts that log that the database is read instead of Redis: a
// command returns the error.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
