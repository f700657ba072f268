package operator

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

type verification struct {
	onBoard
	output

	Wait       config.Duration `help:"How long events and payments that are under way are waited for." default:"10s"`
	NoBoard    bool            `help:"Leave the rankings in Redis out."`
	Gateway    bool            `help:"Compare the books with the gateway's list of charges too, to the won: it is asked about every order with a card payment."`
	GatewayURL config.URL      `help:"Where the card payment gateway is, for --gateway." default:"" placeholder:"URL"`
	config.GatewayTimes
}

// Help adds to what kong says of the command.
func (*verification) Help() string {
	return "Each check compares what a row says with what is behind it, and names every place that differs: what it should be, and what it is. Exits 1 if any does. " +
		"The numbers are those of the truths that the shop holds at every moment when nothing is under way: 1 stock, 2 points, 3 coupons, 4 orders and their payments, 5 charges, 6 events, 7 rankings."
}

// Complaints implements config.Validator.
func (c *verification) Complaints() []error {
	found := c.onBoard.Complaints()
	if c.Gateway && c.GatewayURL.Get() == "" {
		found = append(found, errors.New("--gateway-url (GATEWAY_URL): is missing: --gateway needs it"))
	}
	return found
}

// Run implements the command.
func (c *verification) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(db *sqlstore.DB, b *redis.Board, days []clock.Day) error {
		results, err := c.checks(s, db, b, days)
		if err != nil {
			return err
		}
		return c.answer(s, results)
	})
}

// checks runs every check that was asked for, and shows on a terminal which one
// is under way.
func (c *verification) checks(s *setting, db *sqlstore.DB, b *redis.Board, days []clock.Day) ([]verify.Result, error) {
	bar := spinner(s.stderr)
	defer bar.Finish() //nolint:errcheck // what cannot be drawn is no error
	auditor := verify.New(db)
	results, err := auditor.Settled(s.ctx, c.Wait.Get(), func(check string, rows int64) {
		bar.Describe(underWay(check, rows))
		s.world.Log.Debug("checking", "check", check, "rows", rows)
	})
	if err != nil {
		return nil, err
	}
	if c.Gateway {
		found, err := c.gateway(s, auditor, func(n int64) { bar.Describe(underWay("gateway", n)) })
		if err != nil {
			return nil, err
		}
		results = append(results, found)
	}
	if c.NoBoard {
		return results, nil
	}
	bar.Describe("checking ranking")
	found, err := board(s.ctx, db, b, days, s)
	if err != nil {
		return nil, fmt.Errorf("the rankings in Redis (--no-board leaves them out): %w", err)
	}
	return append(results, found), nil
}

// underWay is what is said of a check that takes its time.
func underWay(check string, rows int64) string {
	if rows == 0 {
		return "checking " + check
	}
	return fmt.Sprintf("checking %s, %d so far", check, rows)
}

// gateway is the truth about what cards were charged, as one more result.
func (c *verification) gateway(s *setting, a *verify.Auditor, progress func(int64)) (verify.Result, error) {
	client, err := s.world.GatewayClient(wire.Gateway{URL: c.GatewayURL.Get(), Figures: c.Figures()})
	if err != nil {
		return verify.Result{}, err
	}
	defer client.Close()
	progress(0)
	return a.AtGateway(s.ctx, client, c.Wait.Get(), progress)
}

// board is the truth about the rankings in Redis, as one more result.
func board(ctx context.Context, db *sqlstore.DB, b *redis.Board, days []clock.Day, s *setting) (verify.Result, error) {
	found, err := leaderboard.NewVerifier(db, b, ranking.DefaultWeights(), s.world.Clock, s.world.Log).Verify(ctx, days)
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
