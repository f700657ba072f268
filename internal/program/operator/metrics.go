package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/recount"
	contract "github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/program/batch"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

// metricsCommands are the commands below "metrics".
type metricsCommands struct {
	Rebuild metricsRebuildCommand `cmd:"" help:"Count again what was lost: sales of days and likes, from orders and likes. Nothing is changed without --apply."`
	History metricsHistoryCommand `cmd:"" help:"List what was counted again: when, by whom and why."`
}

type metricsRebuildCommand struct {
	config.Database
	config.Redis
	config.Kafka
	config.Log
	output

	From   config.Date `help:"First day in Asia/Seoul, for example 20261101." required:"" placeholder:"DAY"`
	To     config.Date `help:"Last day, inclusive." required:"" placeholder:"DAY"`
	Apply  bool        `help:"Change the counters. Without it, the table shows what would change."`
	Reason string      `help:"Reason, recorded in the history; needed with --apply." placeholder:"TEXT"`
	Actor  string      `help:"Name of the operator, recorded in the history; by default the user who runs the command." placeholder:"NAME"`
}

// Help returns the text that kong prints below the summary of the command.
func (*metricsRebuildCommand) Help() string {
	return "Kafka may delete events before they are counted, when the streamer was away for longer than the retention, and a topic may be deleted. " +
		"The command compares the counters with the paid orders and the likes, leaves out what still waits in the outbox and in Kafka, and adds the rest. " +
		"Views are known only from events, so they stay as they are. It may run at any time, also while commerce-streamer runs, and may be stopped and run again. " +
		"With --apply it then makes the rankings of these days again, as commerce ranking rebuild does."
}

// Check implements config.Checker.
func (c *metricsRebuildCommand) Check() []error {
	var found []error
	if c.To.Get() < c.From.Get() {
		found = append(found, errors.New("--to (TO) is before --from (FROM)"))
	}
	if c.Apply && c.Reason == "" {
		found = append(found, errors.New("--reason (REASON) is missing: it is recorded in the history"))
	}
	return found
}

// Run implements the command.
func (c *metricsRebuildCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	s.env.IdleInTransaction = batch.IdleInTransaction
	if c.Actor == "" && c.Apply {
		who, err := username()
		if err != nil {
			return err
		}
		c.Actor = who
	}
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		config := s.env.Kafka(c.KafkaBrokers.Get(), c.KafkaTopicPrefix, "commerce")
		tail := kafka.NewTail(config, contract.RankingGroup, contract.Reads(contract.RankingGroup), s.env.Log)
		service := recount.New(db, queue{tail}, s.env.Clock, s.env.Log)
		changes, err := service.Rebuild(s.ctx, recount.Request{
			First: c.From.Get(), Last: c.To.Get(), Actor: c.Actor, Reason: c.Reason, Apply: c.Apply,
		})
		if err != nil {
			return err
		}
		if err := c.print(s, changes); err != nil || !c.Apply {
			return err
		}
		return c.rank(s, db)
	})
}

// rank makes the rankings of the days again.
func (c *metricsRebuildCommand) rank(s *session, db *sqlstore.DB) error {
	client, err := redis.Open(c.RedisURL.Get())
	if err != nil {
		return err
	}
	defer client.Close()
	r := redis.NewCaller(client, redis.Patience, s.env.Clock, quiet())
	u := wire.Infra{Env: s.env, DB: db, Redis: r, RedisPrefix: c.RedisKeyPrefix}
	scope := batch.Scope{What: "all", Days: rankingDays, First: c.From.Get(), Last: c.To.Get()}
	if _, err := batch.RebuildRankings(s.ctx, u, scope, s.stderr); err != nil {
		return fmt.Errorf("the counters are right again, the rankings are not: run commerce ranking rebuild: %w", err)
	}
	return nil
}

// changedDay is a line of the JSON output.
type changedDay struct {
	What     string          `json:"what"` // the day, or "likes"
	Products int64           `json:"products"`
	Left     int64           `json:"left"` // products with events all the time
	Before   metric.Counters `json:"before"`
	After    metric.Counters `json:"after"`
	Counts   int64           `json:"likeCounts"` // added to the like counts of products
}

func changedDayOf(c recount.Change, what string) changedDay {
	return changedDay{what, c.Products, c.Moving, c.Before, c.Before.Plus(c.Added), c.Counts}
}

func (d changedDay) cells() []string {
	move := func(before, after int64) string {
		if before == after {
			return strconv.FormatInt(before, 10)
		}
		return fmt.Sprintf("%d -> %d", before, after)
	}
	return []string{
		d.What, strconv.FormatInt(d.Products, 10), move(d.Before.Likes, d.After.Likes), move(d.Before.Orders, d.After.Orders),
		move(d.Before.Quantity, d.After.Quantity), move(int64(d.Before.Amount), int64(d.After.Amount)),
		move(d.Before.AmountLog, d.After.AmountLog), fmt.Sprintf("%+d", d.Counts), strconv.FormatInt(d.Left, 10),
	}
}

func (c *metricsRebuildCommand) print(s *session, changes []recount.Change) error {
	rows := make([]changedDay, 0, len(changes))
	for i, change := range changes {
		what := change.Day.String()
		if i == len(changes)-1 {
			what = "likes"
		}
		rows = append(rows, changedDayOf(change, what))
	}
	header := []string{"WHAT", "WRONG PRODUCTS", "LIKES", "ORDERS", "QUANTITY", "AMOUNT", "AMOUNT_LOG", "LIKE COUNTS", "LEFT"}
	if err := c.printTable(s.stdout, rows, header, mapped(rows, changedDay.cells)); err != nil || c.JSON || c.Apply {
		return err
	}
	end := "Nothing was changed: run it with --apply and --reason."
	if !slices.ContainsFunc(rows, func(d changedDay) bool { return d.Products > 0 || d.Left > 0 }) {
		end = "Nothing is to be changed: all counters are right."
	}
	_, err := fmt.Fprintln(s.stdout, "\n"+end)
	return err
}

// rankingDays is how many days back from today have a live ranking.
const rankingDays = 8

// queue is what waits in Kafka for the streamer.
type queue struct{ tail *kafka.Tail }

// Reach implements recount.Queue.
func (q queue) Reach(ctx context.Context) (recount.Reader, error) {
	r, err := q.tail.Reach(ctx)
	if err != nil {
		return nil, err
	}
	return r.Each, nil
}

// metricsHistoryCommand lists rebuilds.
type metricsHistoryCommand struct {
	config.Database
	config.Log
	output

	Limit config.Count `help:"Maximum number of rebuilds, newest first." default:"100"`
}

// Run implements the command.
func (c *metricsHistoryCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		var found []metric.Rebuild
		err := db.View(s.ctx, func(tx store.Tx) (err error) {
			found, err = tx.Rebuilds.Latest(s.ctx, c.Limit.Get())
			return err
		})
		if err != nil {
			return err
		}
		header := []string{"ID", "AT", "DAY", "PRODUCTS", "LIKES", "ORDERS", "QUANTITY", "AMOUNT", "LIKE COUNTS", "ACTOR", "REASON"}
		return c.printList(s.stdout, found, header, mapped(found, func(r metric.Rebuild) []string {
			n := func(v int64) string { return fmt.Sprintf("%+d", v) }
			return []string{
				strconv.FormatInt(r.ID, 10), moment(r.At), r.Day.String(), strconv.FormatInt(r.Products, 10), n(r.Added.Likes), n(r.Added.Orders),
				n(r.Added.Quantity), n(int64(r.Added.Amount)), n(r.Counts), r.Actor, r.Reason,
			}
		}), "Nothing was counted again yet.")
	})
}
