package operator

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

type verifyCommand struct {
	boardFlags
	output

	Wait       config.Duration `help:"How long to wait for events and payments in progress." default:"10s"`
	NoBoard    bool            `help:"Do not check the rankings in Redis."`
	Cache      bool            `help:"Also compare all products and lists that are cached in Redis with the database."`
	Gateway    bool            `help:"Also compare all charges with those of the gateway: it is asked about every order with a card payment."`
	GatewayURL config.URL      `help:"Address of the card payment gateway, for --gateway." default:"" placeholder:"URL"`
	config.GatewayTimes
}

// Help returns the text that kong prints below the summary of the command.
func (*verifyCommand) Help() string {
	return "Each check compares stored values with values recomputed from the rows they follow from, and reports every difference: the value it should be and the value it is. " +
		"The exit code is 1 if there is any. The numbers are those of the invariants, which hold whenever no work is in progress: " +
		"1 stock, 2 points, 3 coupons, 4 orders and their payments, 5 charges, 6 events, 7 rankings, 8 caches."
}

// Check implements config.Checker.
func (c *verifyCommand) Check() []error {
	found := c.boardFlags.Check()
	if c.Gateway && c.GatewayURL.Get() == "" {
		found = append(found, errors.New("--gateway-url (GATEWAY_URL): is missing: --gateway needs it"))
	}
	return found
}

// Run implements the command.
func (c *verifyCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.with(s, func(db *sqlstore.DB, r *redis.Caller) error {
		results, err := c.checks(s, db, r)
		if err != nil {
			return err
		}
		return c.print(s, results)
	})
}

// checks runs the requested checks. On a terminal it shows which one is running.
func (c *verifyCommand) checks(s *session, db *sqlstore.DB, r *redis.Caller) ([]verify.Result, error) {
	bar := spinner(s.stderr)
	defer bar.Finish() //nolint:errcheck // failing to draw a progress bar is no error
	auditor := verify.New(db)
	results, err := auditor.Settled(s.ctx, c.Wait.Get(), func(check string, rows int64) {
		bar.Describe(progressText(check, rows))
		s.env.Log.Debug("checking", "check", check, "rows", rows)
	})
	if err != nil {
		return nil, err
	}
	if c.Gateway {
		found, err := c.gateway(s, auditor, func(n int64) { bar.Describe(progressText("gateway", n)) })
		if err != nil {
			return nil, err
		}
		results = append(results, found)
	}
	if !c.NoBoard {
		b, days := c.board(s, r)
		found, err := board(s, db, b, days, func(n int64) { bar.Describe(progressText("ranking", n)) })
		if err != nil {
			return nil, fmt.Errorf("check the rankings in Redis (--no-board skips this check): %w", err)
		}
		results = append(results, found)
	}
	if c.Cache {
		cache := redis.NewCatalog(r, c.RedisKeyPrefix, s.env.IDs, s.env.Random)
		found, err := auditor.Cached(s.ctx, cache, c.Wait.Get(), func(n int64) { bar.Describe(progressText("caches", n)) })
		if err != nil {
			return nil, fmt.Errorf("check the cache in Redis: %w", err)
		}
		results = append(results, found)
	}
	return results, nil
}

// progressText describes a running check.
func progressText(check string, rows int64) string {
	if rows == 0 {
		return "checking " + check
	}
	return fmt.Sprintf("checking %s, %d so far", check, rows)
}

// gateway compares the charges with those of the gateway.
func (c *verifyCommand) gateway(s *session, a *verify.Auditor, progress func(int64)) (verify.Result, error) {
	client, err := s.env.GatewayClient(wire.Gateway{URL: c.GatewayURL.Get(), ClientConfig: c.ClientConfig()})
	if err != nil {
		return verify.Result{}, err
	}
	defer client.Close()
	progress(0)
	return a.AtGateway(s.ctx, client, c.Wait.Get(), progress)
}

// board compares the rankings in Redis with the counters.
func board(s *session, db *sqlstore.DB, b *redis.Board, days []clock.Day, progress func(int64)) (verify.Result, error) {
	progress(0)
	found, err := leaderboard.NewVerifier(db, b, s.env.Clock, s.env.Log).Verify(s.ctx, days, progress)
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

func (c *verifyCommand) print(s *session, results []verify.Result) error {
	summary, named := rows(results)
	header := []string{"TRUTH", "CHECK", "COMPARED", "DIFFERENCES", "WHAT IS COMPARED"}
	if err := c.printTable(s.stdout, results, header, summary); err != nil {
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
	return run.ErrReported
}

func rows(results []verify.Result) (summary, named [][]string) {
	for _, r := range results {
		n := int64(len(r.Differences)+len(r.Texts)) + r.More
		summary = append(summary, []string{
			strconv.Itoa(r.Truth), r.Check, strconv.FormatInt(r.Compared, 10), strconv.FormatInt(n, 10), r.Compares,
		})
		for _, d := range r.Differences {
			named = append(named, []string{
				r.Check, d.Subject, d.What, strconv.FormatInt(d.Want, 10), strconv.FormatInt(d.Got, 10),
			})
		}
		for _, d := range r.Texts {
			named = append(named, []string{r.Check, d.Subject, d.What, d.Want, d.Got})
		}
	}
	return summary, named
}
