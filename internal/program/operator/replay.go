package operator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/adapter/shopclient"
	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/program/inproc"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

type replaying struct {
	config.Kafka
	config.Log
	output

	OnlineRetail string      `help:"The invoices: the UCI data set 'Online Retail' as CSV, plain or gzipped, with its own columns and dates like 2010-12-31 08:26:00 or 12/31/2010 8:26. Fill the shop with the same file first: commerce seed --online-retail PATH." placeholder:"PATH" required:""`
	From         config.Date `help:"First day of the invoices, as 2010-12-01; without it, the file's first." placeholder:"DAY"`
	To           config.Date `help:"Last day, included; without it, the file's last." placeholder:"DAY"`

	API             config.URLs        `name:"api-url" help:"Where commerce-api is; several addresses of one shop are asked by turns. It must run with AUTH_TRUST_USER_HEADER=true: customers of the file have no password, and are named in X-USER-ID." default:"http://127.0.0.1:8080" placeholder:"URL,..."`
	AsOfInvoiceDate bool               `help:"Not over HTTP, where it is always now, but at the time of each invoice (taken as KST): the same use cases in this process, on the same database. Events leave by the relay of a running commerce-api, or by one of this command; a commerce-streamer must count them."`
	DatabaseURL     config.DatabaseURL `help:"Where the database is; only for --as-of-invoice-date." placeholder:"URL"`

	Speed         config.Amount   `help:"How many seconds of the invoices pass in one; 0 is as fast as it goes." default:"0"`
	Concurrency   config.Count    `help:"How many customers are served at once; each of them does one thing after another." default:"8"`
	ViewsPerOrder config.Amount   `help:"How many products a customer looks at around an order, on average." default:"3"`
	LikesPerOrder config.Amount   `help:"How many they like." default:"0.5"`
	Seed          uint64          `help:"Of what they look at and like: the same seed is the same world." default:"1"`
	Patience      config.Duration `help:"How long a shop that does not answer is waited for." default:"1m"`
}

// Help adds to what kong says of the command.
func (*replaying) Help() string {
	return `Customers of the file charge points as needed, order, look, like and call orders off, each in their own order. Lines without a customer, without a product or without a price are counted and passed over. A cancel calls off the latest earlier order of the same customer that holds all it names; the shop knows whole orders only, so all of that order.

A replay may be stopped (Ctrl-C) or killed and started again with the same file: idempotency keys come from the invoices' numbers, so what was done is not done again but counted as repeated, as fast as it goes. A key lives for 24 hours from when it was sent: after that give --from the day that was reached, or all before it is ordered again. Views have no key; they are sent after an order that was not a repetition.

The delay is measured on every 20th order or so: of a product that the replay has left alone for a while, the score that it must have with the order is known, and the ranking is looked at until it shows it.`
}

// Complaints implements config.Validator.
func (c *replaying) Complaints() []error {
	var found []error
	if c.AsOfInvoiceDate && c.DatabaseURL.Get() == "" {
		found = append(found, errors.New("--database-url (DATABASE_URL): is missing: --as-of-invoice-date needs it"))
	}
	if to := c.To.Get(); to != 0 && to < c.From.Get() {
		found = append(found, errors.New("--to (TO) is before --from (FROM)"))
	}
	return found
}

// replayed is what the command answers in JSON.
type replayed struct {
	replay.Report

	OrdersPerSecond float64               `json:"ordersPerSecond"`
	Lines           int                   `json:"lines"`
	Used            int                   `json:"used"`
	SkippedLines    map[retail.Reason]int `json:"skippedLines"`
	DroppedInvoices map[retail.Reason]int `json:"droppedInvoices"`
}

// Run implements the command.
func (c *replaying) Run(s *setting) error {
	defer s.begin(&c.Log)()
	book, err := c.read()
	if err != nil {
		return err
	}
	if t := c.lasts(book); t > housekeeping.KeyLife {
		s.world.Log.Warn("this takes longer than the keys live of what was sent: to go on after a stop, give --from the day that was reached",
			"takes", t.Round(time.Minute), "keysLive", housekeeping.KeyLife)
	}
	for _, complaint := range book.Broken {
		s.world.Log.Warn("a line was skipped", "why", complaint)
	}
	how := c.overHTTP
	if c.AsOfInvoiceDate {
		how = c.inside
	}
	report, failed := how(s, book)
	value := replayed{report, report.PerSecond(), book.Lines, book.Used, book.Skipped, book.Dropped}
	if report.Of > 0 {
		if err := c.answer(s, value); err != nil {
			return err
		}
	}
	if failed == nil && !report.Finished() {
		return run.ErrNotRight
	}
	return failed
}

func (c *replaying) read() (retail.Invoices, error) {
	f, err := os.Open(c.OnlineRetail)
	if err != nil {
		return retail.Invoices{}, err
	}
	defer f.Close()
	book, err := retail.ReadInvoices(f)
	if err != nil {
		return book, fmt.Errorf("%s: %w", c.OnlineRetail, err)
	}
	if len(book.Invoices) == 0 {
		return book, fmt.Errorf("%s: no invoice of it can be replayed: %s", c.OnlineRetail, retail.Summary(book.Lines, book.Skipped, book.Broken))
	}
	book.Between(c.From.Get(), c.To.Get())
	if len(book.Invoices) == 0 {
		return book, fmt.Errorf("%s: there is nothing to replay on these days", c.OnlineRetail)
	}
	return book, nil
}

// lasts returns how long the replay takes at its speed, if that is what bounds it.
func (c *replaying) lasts(book retail.Invoices) time.Duration {
	if c.Speed.Get() == 0 {
		return 0
	}
	first, last := book.Invoices[0].At, book.Invoices[len(book.Invoices)-1].At
	return time.Duration(float64(last.Sub(first)) / c.Speed.Get())
}

// errEmpty is why nothing can be replayed in a shop that sells other things.
var errEmpty = errors.New("the shop has no product of the file: run commerce seed --online-retail with it first")

// overHTTP replays as customers of commerce-api.
func (c *replaying) overHTTP(s *setting, book retail.Invoices) (replay.Report, error) {
	client := shopclient.New(c.API.Get(), c.Concurrency.Get()+1)
	defer client.Close()
	if err := client.CheckCustomer(s.ctx, book.Invoices[0].Customer); err != nil {
		return replay.Report{}, fmt.Errorf("customer %s is not let in (is AUTH_TRUST_USER_HEADER=true there, and the shop filled with "+
			"commerce seed --online-retail?): %w", book.Invoices[0].Customer, err)
	}
	products, err := client.Products(s.ctx)
	if err != nil {
		return replay.Report{}, fmt.Errorf("read the catalogue: %w", err)
	}
	return c.replay(s, book, replay.Config{Shop: client, Ranking: client.Ranking(), Products: products})
}

// inside replays in this process, at the times of the invoices.
func (c *replaying) inside(s *setting, book retail.Invoices) (report replay.Report, err error) {
	db, err := s.world.MigratedStore(s.ctx, c.DatabaseURL.Get())
	if err != nil {
		return report, err
	}
	defer db.Close()
	aside, end, err := s.world.RelayStore(s.ctx, c.DatabaseURL.Get(), db)
	if err != nil {
		return report, err
	}
	defer end() //nolint:errcheck // the process ends
	customers, skus := named(book)
	shop, err := inproc.Open(s.ctx, wire.Infra{
		Env: s.world, DB: db, RelayDB: aside, Kafka: s.world.Kafka(c.KafkaBrokers.Get(), c.KafkaTopicPrefix, "commerce-replay"),
	}, customers)
	if err != nil {
		return report, err
	}
	defer shop.Close()
	products, err := shop.Products(s.ctx, skus)
	if err != nil {
		return report, err
	}
	beside, stop := context.WithCancel(context.WithoutCancel(s.ctx))
	ended := make(chan error, 1)
	go func() { ended <- run.All(beside, s.world.Log, shop.Parts()...) }()
	report, err = c.replay(s, book, replay.Config{Shop: shop, Ranking: shop, Products: products})
	stop()
	err = errors.Join(err, <-ended)
	report.MarkUnsent(replay.View, int(shop.LostViews()))
	return report, err
}

// named returns the customers and products that the invoices name.
func named(book retail.Invoices) (customers, skus []string) {
	c, p := map[string]bool{}, map[string]bool{}
	for _, i := range book.Invoices {
		c[i.Customer] = true
		for _, item := range i.Items {
			p[item.SKU] = true
		}
	}
	return slices.Sorted(maps.Keys(c)), slices.Sorted(maps.Keys(p))
}

func (c *replaying) replay(s *setting, book retail.Invoices, p replay.Config) (replay.Report, error) {
	if len(p.Products) == 0 {
		return replay.Report{}, errEmpty
	}
	p.Clock, p.Random = time.Now, s.world.Random
	bar := progress(s.stderr, len(book.Invoices), "replaying")
	return replay.New(p, replay.Options{
		Speed: c.Speed.Get(), Concurrency: c.Concurrency.Get(), ViewsPerOrder: c.ViewsPerOrder.Get(),
		LikesPerOrder: c.LikesPerOrder.Get(), Seed: c.Seed, RetryTimeout: c.Patience.Get(),
	}, s.world.Log).Run(s.ctx, book.Invoices, func(n int) { _ = bar.Add(n) })
}
