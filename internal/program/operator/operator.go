// Package operator is the program commerce: the whole shop in one process for
// development, and the commands of those who run a shop.
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
	Dev     dev       `cmd:"" help:"Run the whole shop in one process on embedded parts. Nothing else is needed."`
	Migrate migrate   `cmd:"" help:"Make the tables, or bring them up to date."`
	Seed    seeding   `cmd:"" help:"Fill the shop with products and customers. What is there already stays as it is."`
	Replay  replaying `cmd:"" help:"Live through the invoices of a real shop again: orders, cancels, views and likes, as its customers."`
	Ranking struct {
		Verify  rankingVerify  `cmd:"" help:"Compare the live rankings in Redis with the counters in the database."`
		Rebuild rankingRebuild `cmd:"" help:"Make the live rankings in Redis again from the database."`
	} `cmd:"" help:"Check and mend the live rankings."`
	Payments struct {
		List    paymentsList    `cmd:"" help:"Show card payments that are stuck, or others."`
		Show    paymentsShow    `cmd:"" help:"Show all that is known of a payment: order, charges, history."`
		Recheck paymentsRecheck `cmd:"" help:"Ask the gateway about a payment now, and do what follows from its answer."`
		Settle  paymentsSettle  `cmd:"" help:"End a pending payment by hand."`
	} `cmd:"" help:"Find card payments that are stuck, and end them."`
	Verify verification `cmd:"" help:"Recount stock, points, coupons, payments, likes, sales and rankings, and name what differs."`
	User   struct {
		Grant grant `cmd:"" help:"Give a user a role."`
	} `cmd:"" help:"Manage users."`
}

// setting is what a command runs in.
type setting struct {
	ctx            context.Context //nolint:containedctx // it is that of the one command
	world          wire.Env
	stdout, stderr io.Writer
}

// Main runs a command and returns its exit code: 0 when all is right, 1 when
// something is not, 2 when it was called wrongly.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var c commands
	if len(args) == 0 {
		args = []string{"--help"}
	}
	called, err := config.Read(&c, config.About{
		Name: "commerce",
		Description: "The shop in one process, and the commands of those who run one. " +
			"Every flag can be given as the environment variable in brackets.",
		Vars: kong.Vars{
			"management_port": "8081", "host": "127.0.0.1", "trust_user_header": "true", "log_format": "text", "recovery_interval": "5s",
		},
	}, args, getenv, stdout, stderr)
	if code, ok := run.Configured(err, stderr); !ok {
		return code
	}
	return run.Ended(called.Run(&setting{stdout: stdout, stderr: stderr}), stderr)
}

// begin starts a command: it logs, and ends with the first signal.
func (s *setting) begin(log *config.Log) (stop func()) {
	logger := log.Logger(s.stderr)
	s.ctx, stop = run.Signals(logger)
	s.world = wire.Real(logger)
	return stop
}

// withStore calls do with the database, whose schema is up to date.
func (s *setting) withStore(c *config.Database, do func(*sqlstore.DB) error) error {
	db, err := s.world.MigratedStore(s.ctx, c.DatabaseURL.Get())
	if err != nil {
		return err
	}
	defer db.Close()
	return do(db)
}

type dev struct{ allinone.Config }

// Run implements the command.
func (c *dev) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return c.Serve(s.ctx, s.world, s.stdout)
}
