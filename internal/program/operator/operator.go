// Package operator is the program commerce: the whole shop in one process for
// development, and the commands for operators of a shop.
package operator

import (
	"context"
	"io"

	"github.com/alecthomas/kong"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/program/allinone"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// commands is the command line.
type commands struct {
	Dev     devCommand     `cmd:"" help:"Run the whole shop in one process on embedded servers. Nothing else has to be installed."`
	Migrate migrateCommand `cmd:"" help:"Create or update the database schema."`
	Seed    seedCommand    `cmd:"" help:"Add products and customers to the shop. Existing rows are not changed."`
	Replay  replayCommand  `cmd:"" help:"Replay the invoices of a real shop: send the orders, cancellations, views and likes of its customers."`
	Ranking struct {
		Verify  rankingVerifyCommand  `cmd:"" help:"Compare the live rankings in Redis, and the published ones of days, weeks and months, with the counters in the database."`
		Rebuild rankingRebuildCommand `cmd:"" help:"Rebuild the live rankings in Redis, and publish again the rankings of days, weeks and months that are not as the counters say."`
		Explain rankingExplainCommand `cmd:"" help:"Explain the score of a product, day by day."`
		Weights weightsCommands       `cmd:"" help:"Show, change and try the weights that products are scored by."`
	} `cmd:"" help:"Check, rebuild and explain the rankings, and change their weights."`
	Metrics  metricsCommands `cmd:"" help:"Count again what was lost, and list what was."`
	Payments struct {
		List    paymentsListCommand    `cmd:"" help:"List card payments: by default those that are stuck."`
		Show    paymentsShowCommand    `cmd:"" help:"Show the details of a payment: order, charges and history."`
		Recheck paymentsRecheckCommand `cmd:"" help:"Ask the gateway about a payment now, and settle it by the answer."`
		Settle  paymentsSettleCommand  `cmd:"" help:"Settle a pending payment by hand."`
	} `cmd:"" help:"Find card payments that are stuck, and settle them."`
	DLQ    dlqCommands    `cmd:"" name:"dlq" help:"List, show, replay and discard dead letters: records that a consumer group could not process."`
	Outbox outboxCommands `cmd:"" help:"List, retry and discard events that Kafka does not take: they are set aside in the outbox."`
	Events struct {
		List     eventsListCommand     `cmd:"" help:"List events, newest first."`
		Show     eventsShowCommand     `cmd:"" help:"Show an event."`
		Timeline eventsTimelineCommand `cmd:"" help:"Show what happened to an order."`
	} `cmd:"" help:"Find events of the shop, and what happened to an order."`
	Verify verifyCommand `cmd:"" help:"Recompute stock, points, coupons, payments, likes, sales and rankings, and report every difference."`
	Export exportCommand `cmd:"" help:"Write closed days into Parquet files, for DuckDB, Spark or Trino."`
	User   struct {
		Grant grantCommand `cmd:"" help:"Give a user a role."`
	} `cmd:"" help:"Manage users."`
}

// session is one run of a command.
type session struct {
	ctx            context.Context //nolint:containedctx // a session is one run, and ends with it
	env            wire.Env
	stdout, stderr io.Writer
}

// Main runs a command and returns its exit code: 0 if it succeeded, 1 if it failed
// or found differences, 2 if the command line or the environment is wrong.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var c commands
	if len(args) == 0 {
		args = []string{"--help"}
	}
	called, err := config.Read(&c, config.About{
		Name: "commerce",
		Description: "The shop in one process for development, and the commands for operators of a shop. " +
			"Every flag can be set by the environment variable in brackets.",
		Vars: kong.Vars{
			"management_port": "8081", "host": "127.0.0.1", "trust_user_header": "true", "log_format": "text", "recovery_interval": "5s", "admission_patience": "3s",
		},
	}, args, getenv, stdout, stderr)
	if code, ok := run.ConfigExitCode(err, stderr); !ok {
		return code
	}
	return run.ExitCode(called.Run(&session{stdout: stdout, stderr: stderr}), stderr)
}

// begin sets up the log and the environment of a command. Its context ends with the
// first signal.
func (s *session) begin(log *config.Log) (stop func()) {
	logger := log.Logger(s.stderr)
	s.ctx, stop = run.Signals(logger)
	s.env = wire.NewEnv(logger)
	return stop
}

// withStore calls do with the database. Its schema must be up to date.
func (s *session) withStore(c *config.Database, do func(*sqlstore.DB) error) error {
	s.env.DirectURL = c.DatabaseDirectURL.Get()
	db, err := s.env.MigratedStore(s.ctx, c.DatabaseURL.Get())
	if err != nil {
		return err
	}
	defer db.Close()
	return do(db.Long())
}

type devCommand struct{ allinone.Config }

// Run implements the command.
func (c *devCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.Serve(s.ctx, s.env, s.stdout)
}
