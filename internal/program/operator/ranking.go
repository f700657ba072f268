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

// onBoard is what commands share that look at the board.
type onBoard struct {
	config.Database
	config.Redis
	config.Log

	Days config.Count `help:"How many days back from today, at most 8: older boards are gone." default:"8"`
}

// Complaints implements config.Validator.
func (c *onBoard) Complaints() []error {
	if n := c.Days.Get(); n > ranking.Kept {
		return []error{fmt.Errorf("--days (DAYS): %d is more than there are boards: give 1 to %d", n, ranking.Kept)}
	}
	return nil
}

// with calls do with the database, the board and the days.
func (c *onBoard) with(s *setting, do func(db *sqlstore.DB, b *redis.Board, days []clock.Day) error) error {
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		client, err := redis.Open(c.RedisURL.Get())
		if err != nil {
			return err
		}
		defer client.Close()
		today := clock.DayOf(s.world.Clock())
		days := today.Add(1 - c.Days.Get()).Until(today)
		quiet := slog.New(slog.DiscardHandler) // the board logs for those who go on without it; a command tells the error
		return do(db, redis.NewBoard(client, c.RedisKeyPrefix, s.world.Clock, quiet), days)
	})
}

type rankingVerify struct {
	onBoard
	output
}

// Run implements the command.
func (c *rankingVerify) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(db *sqlstore.DB, b *redis.Board, days []clock.Day) error {
		v := leaderboard.NewVerifier(db, b, ranking.DefaultWeights(), s.world.Clock, s.world.Log)
		found, err := v.Verify(s.ctx, days)
		if err != nil {
			return err
		}
		if err := c.show(s.stdout, found, []string{"DAY", "PRODUCT", "WHAT", "DATABASE", "BOARD"}, places(found)); err != nil {
			return err
		}
		if !c.JSON {
			if _, err := fmt.Fprintf(s.stdout, "%d scores of %d days compared, %d differences.\n",
				found.Compared, len(found.Days), len(found.Differences)); err != nil {
				return err
			}
		}
		if len(found.Differences) > 0 {
			return run.ErrNotRight
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

type rankingRebuild struct {
	onBoard
	output
}

// built is one day that was made again.
type built struct {
	Day    clock.Day `json:"day"`
	Scores int64     `json:"scores"`
}

// Run implements the command.
func (c *rankingRebuild) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(db *sqlstore.DB, b *redis.Board, days []clock.Day) error {
		done := map[clock.Day]int64{}
		builder := leaderboard.NewBuilder(db, b, ranking.DefaultWeights(), s.world.Clock, s.world.IDs().String(), s.world.Log)
		err := builder.Rebuild(s.ctx, days, func(day clock.Day, written int64) { done[day] = written })
		if err != nil {
			return err
		}
		value, rows := make([]built, len(days)), make([][]string, len(days))
		for i, day := range days {
			value[i] = built{day, done[day]}
			rows[i] = []string{day.String(), strconv.FormatInt(done[day], 10)}
		}
		return c.show(s.stdout, value, []string{"DAY", "SCORES"}, rows)
	})
}
