package operator

import (
	"context"
	"fmt"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/standings"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/config"
	"github.com/loopers-commerce/commerce/internal/program/run"
	"github.com/loopers-commerce/commerce/internal/store"
)

type verification struct {
	onBoard
	output

	Wait    config.Duration `help:"How long events that are under way are waited for." default:"10s"`
	NoBoard bool            `help:"Leave the rankings in Redis out."`
}

// Run implements the command.
func (c *verification) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(db *sqlstore.DB, b *redis.Board, days []clock.Day) error {
		results, err := verify.New(db).Settled(s.ctx, c.Wait.Get(), func(check string) {
			s.world.Log.Debug("checking", "check", check)
		})
		if err != nil {
			return err
		}
		if !c.NoBoard {
			found, err := board(s.ctx, db, b, days, s)
			if err != nil {
				return fmt.Errorf("the rankings in Redis (--no-board leaves them out): %w", err)
			}
			results = append(results, found)
		}
		return c.answer(s, results)
	})
}

// board is the truth about the rankings in Redis, as one more result.
func board(ctx context.Context, db *sqlstore.DB, b *redis.Board, days []clock.Day, s *setting) (verify.Result, error) {
	found, err := standings.NewVerifier(db, b, ranking.DefaultWeights(), s.world.Clock, s.world.Log).Verify(ctx, days)
	r := verify.Result{
		Truth: 7, Check: "ranking", Compares: "scores in Redis = scores of the counters, in micro points",
		Compared: found.Compared, Differences: []store.Difference{},
	}
	for _, d := range found.Differences {
		r.Differences = append(r.Differences, store.Difference{
			Subject: fmt.Sprintf("product %d on %s", d.ProductID, d.Day), What: d.What, Want: orZero(d.Want), Got: orZero(d.Got),
		})
	}
	return r, err
}

func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func (c *verification) answer(s *setting, results []verify.Result) error {
	summary, named := rows(results)
	header := []string{"TRUTH", "CHECK", "COMPARED", "DIFFERENCES", "WHAT IS COMPARED"}
	if err := c.show(s.stdout, results, header, summary); err != nil {
		return err
	}
	if len(named) == 0 {
		return nil
	}
	if !c.JSON {
		if _, err := fmt.Fprintln(s.stdout); err != nil {
			return err
		}
		if err := table(s.stdout, []string{"CHECK", "WHERE", "WHAT", "SHOULD BE", "IS"}, named); err != nil {
			return err
		}
	}
	return run.ErrNotRight
}

func rows(results []verify.Result) (summary, named [][]string) {
	for _, r := range results {
		n := int64(len(r.Differences)) + r.More
		summary = append(summary, []string{
			strconv.Itoa(r.Truth), r.Check, strconv.FormatInt(r.Compared, 10), strconv.FormatInt(n, 10), r.Compares,
		})
		for _, d := range r.Differences {
			named = append(named, []string{
				r.Check, d.Subject, d.What, strconv.FormatInt(d.Want, 10), strconv.FormatInt(d.Got, 10),
			})
		}
	}
	return summary, named
}
