package operator

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/program/inproc"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/replaying"
)

type replayCommand struct {
	config.Kafka
	config.Log
	output

	OnlineRetail string      `help:"File of invoices: the UCI data set 'Online Retail' as CSV, plain or gzipped, with its original columns and dates like 2010-12-31 08:26:00 or 12/31/2010 8:26. Seed the shop with the same file first: commerce seed --online-retail PATH." placeholder:"PATH" required:""`
	From         config.Date `help:"First day to replay, for example 2010-12-01; by default the first day of the file." placeholder:"DAY"`
	To           config.Date `help:"Last day to replay, inclusive; by default the last day of the file." placeholder:"DAY"`

	API             config.URLs        `name:"api-url" help:"Address of commerce-api; requests are spread over several addresses of one shop. It must run with AUTH_TRUST_USER_HEADER=true: customers of the file have no password and are identified by the header X-USER-ID." default:"http://127.0.0.1:8080" placeholder:"URL,..."`
	AsOfInvoiceDate bool               `help:"Replay each invoice at its own time (in KST) instead of now. This calls the use cases in this process, directly on the database, not over HTTP. Events are sent by the relay of a running commerce-api or of this command; a commerce-streamer must run to count them."`
	DatabaseURL     config.DatabaseURL `help:"Address of the database; only for --as-of-invoice-date." placeholder:"URL"`

	Speed         config.Amount   `help:"Seconds of invoice time per second of real time; 0 means as fast as possible." default:"0"`
	Concurrency   config.Count    `help:"Number of customers who act at the same time; each sends one request at a time." default:"8"`
	ViewsPerOrder config.Amount   `help:"Average number of products that a customer views per order." default:"3"`
	LikesPerOrder config.Amount   `help:"Average number of products that a customer likes per order." default:"0.5"`
	Seed          uint64          `help:"Seed of the random views and likes: the same seed gives the same ones." default:"1"`
	Patience      config.Duration `help:"How long to retry while the shop does not answer." default:"1m"`
}

// Help returns the text that kong prints below the summary of the command.
func (*replayCommand) Help() string {
	return `The customers of the file charge points as needed, place orders, cancel them, and view and like products. The requests of one customer are sent in the order of the invoices. Lines without a customer, a product or a price are counted and skipped. A cancellation cancels the customer's latest earlier order that has all its products. The shop cancels whole orders only, so the whole order is cancelled.

You can stop a replay (Ctrl-C) or kill it, and start it again with the same file. Idempotency keys are made from the invoice numbers: requests that were sent before are not executed again but counted as repeated. A key is kept for 24 hours. After that, give --from the day that was reached; otherwise all earlier invoices are ordered again. Views have no key: they are sent only after an order that was not a repetition.

The delay is measured on about every 20th order, for a product without other recent orders: the command knows the score of the product after the order, and reads the ranking until it shows that score.`
}

// Check implements config.Checker.
func (c *replayCommand) Check() []error {
	var found []error
	if c.AsOfInvoiceDate && c.DatabaseURL.Get() == "" {
		found = append(found, errors.New("--database-url (DATABASE_URL): is missing: --as-of-invoice-date needs it"))
	}
	if to := c.To.Get(); to != 0 && to < c.From.Get() {
		found = append(found, errors.New("--to (TO) is before --from (FROM)"))
	}
	return found
}

// replayed is the JSON output of the command.
type replayed struct {
	replay.Report

	OrdersPerSecond float64               `json:"ordersPerSecond"`
	Lines           int                   `json:"lines"`
	Used            int                   `json:"used"`
	SkippedLines    map[retail.Reason]int `json:"skippedLines"`
	DroppedInvoices map[retail.Reason]int `json:"droppedInvoices"`
}

// Run implements the command.
func (c *replayCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	file, err := replaying.Source{Path: c.OnlineRetail, From: c.From.Get(), To: c.To.Get()}.Read()
	if err != nil {
		return err
	}
	replaying.Warn(s.env, file, c.Speed.Get())
	replayer := c.overHTTP
	if c.AsOfInvoiceDate {
		replayer = c.inProcess
	}
	report, failed := replayer(s, file)
	value := replayed{report, report.PerSecond(), file.Lines, file.Used, file.Skipped, file.Dropped}
	if report.Of > 0 {
		if err := c.print(s, value); err != nil {
			return err
		}
	}
	if failed == nil && !report.Finished() {
		return run.ErrReported
	}
	return failed
}

// overHTTP replays the invoices over the API.
func (c *replayCommand) overHTTP(s *session, file retail.Invoices) (replay.Report, error) {
	return replaying.OverHTTP(s.ctx, s.env, file, c.API.Get(), c.options(), c.bar(s, file))
}

// inProcess replays the invoices in this process, at their own times.
func (c *replayCommand) inProcess(s *session, file retail.Invoices) (report replay.Report, err error) {
	db, err := s.env.MigratedStore(s.ctx, c.DatabaseURL.Get())
	if err != nil {
		return report, err
	}
	defer db.Close()
	shares := wire.Divide(db)
	customers, skus := names(file)
	shop, err := inproc.Open(s.ctx, wire.Infra{
		Env: s.env, DB: shares.Main, RelayDB: shares.Relay, Kafka: s.env.Kafka(c.KafkaBrokers.Get(), c.KafkaTopicPrefix, "commerce-replay"),
	}, customers)
	if err != nil {
		return report, err
	}
	defer shop.Close()
	products, err := shop.Products(s.ctx, skus)
	if err != nil {
		return report, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(s.ctx))
	ended := make(chan error, 1)
	go func() { ended <- run.All(background, s.env.Log, shop.Components()...) }()
	report, err = replaying.Run(s.ctx, s.env, file, replay.Config{Shop: shop, Ranking: shop, Products: products}, c.options(), c.bar(s, file))
	stop()
	err = errors.Join(err, <-ended)
	report.MarkUnsent(replay.View, int(shop.LostViews()))
	return report, err
}

// names returns the customers and the SKUs of the invoices.
func names(file retail.Invoices) (customers, skus []string) {
	c, p := map[string]bool{}, map[string]bool{}
	for _, i := range file.Invoices {
		c[i.Customer] = true
		for _, item := range i.Items {
			p[item.SKU] = true
		}
	}
	return slices.Sorted(maps.Keys(c)), slices.Sorted(maps.Keys(p))
}

func (c *replayCommand) options() replay.Options {
	return replay.Options{
		Speed: c.Speed.Get(), Concurrency: c.Concurrency.Get(), ViewsPerOrder: c.ViewsPerOrder.Get(),
		LikesPerOrder: c.LikesPerOrder.Get(), Seed: c.Seed, RetryTimeout: c.Patience.Get(),
	}
}

// bar shows the progress on a terminal.
func (*replayCommand) bar(s *session, file retail.Invoices) func(n int) {
	bar := progress(s.stderr, len(file.Invoices), "replaying")
	return func(n int) { _ = bar.Add(n) }
}
