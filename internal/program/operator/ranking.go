package operator

import (
	"fmt"
	"log/slog"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
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

// with calls do with the database, the board and the days.
func (c *boardFlags) with(s *session, do func(db *sqlstore.DB, b *redis.Board, days []clock.Day) error) error {
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		client, err := redis.Open(c.RedisURL.Get())
		if err != nil {
			return err
		}
		defer client.Close()
		today := clock.DayOf(s.env.Clock())
		days := today.Add(1 - c.Days.Get()).Until(today)
		quiet := slog.New(slog.DiscardHandler) // the board logs that the database is read instead; a command returns the error
		return do(db, redis.NewBoard(client, c.RedisKeyPrefix, s.env.Clock, quiet), days)
	})
}

type rankingVerifyCommand struct {
	boardFlags
	output
}

// Run implements the command.
func (c *rankingVerifyCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(db *sqlstore.DB, b *redis.Board, days []clock.Day) error {
		v := leaderboard.NewVerifier(db, b, s.env.Clock, s.env.Log)
		found, err := v.Verify(s.ctx, days, nil)
		if err != nil {
			return err
		}
		if err := c.printTable(s.stdout, found, []string{"DAY", "PRODUCT", "WHAT", "DATABASE", "BOARD"}, places(found)); err != nil {
			return err
		}
		if !c.JSON {
			if _, err := fmt.Fprintf(s.stdout, "%d scores of %d days compared, %d differences.\n",
				found.Compared, len(found.Days), len(found.Differences)); err != nil {
				return err
			}
		}
		if len(found.Differences) > 0 {
			return run.ErrReported
		}
		return nil
	})
}

func places(found leaderboard.Report) [][]string {
	rows := make([][]string, len(found.Differences))
	for i, d := range found.Differences {
		rows[i] = []string{d.Day.String(), strconv.FormatInt(d.ProductID, 10), d.What, points(d.Want), points(d.Got)}
	}
	return rows
}

func points(micro *int64) string {
	if micro == nil {
		return "-"
	}
	return ranking.Points(*micro).String()
}

type rankingRebuildCommand struct {
	boardFlags
	output
}

// rebuiltDay is the JSON output for one day.
type rebuiltDay struct {
	Day    clock.Day `json:"day"`
	Scores int64     `json:"scores"`
}

// Run implements the command.
func (c *rankingRebuildCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(db *sqlstore.DB, b *redis.Board, days []clock.Day) error {
		done := map[clock.Day]int64{}
		builder := leaderboard.NewBuilder(db, b, s.env.Clock, s.env.IDs().String(), s.env.Log)
		err := builder.Rebuild(s.ctx, days, func(day clock.Day, written int64) { done[day] = written })
		if err != nil {
			return err
		}
		value, rows := make([]rebuiltDay, len(days)), make([][]string, len(days))
		for i, day := range days {
			value[i] = rebuiltDay{day, done[day]}
			rows[i] = []string{day.String(), strconv.FormatInt(done[day], 10)}
		}
		return c.printTable(s.stdout, value, []string{"DAY", "SCORES"}, rows)
	})
}
