// Package replaying replays the invoices of a file in a shop, for the command commerce
// replay and for the job.
package replaying

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/adapter/shopclient"
	"github.com/loopers-commerce/commerce/internal/app/housekeeping"
	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// Source is a file of invoices, and the days of it that are replayed: zero is no bound.
type Source struct {
	Path     string
	From, To clock.Day
}

// Read reads the invoices.
func (s Source) Read() (retail.Invoices, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return retail.Invoices{}, err
	}
	defer f.Close()
	file, err := retail.ReadInvoices(f)
	if err != nil {
		return file, fmt.Errorf("%s: %w", s.Path, err)
	}
	if len(file.Invoices) == 0 {
		return file, fmt.Errorf("%s: it has no invoice that can be replayed: %s", s.Path, retail.Summary(file.Lines, file.Skipped, file.Broken))
	}
	file.Between(s.From, s.To)
	if len(file.Invoices) == 0 {
		return file, fmt.Errorf("%s: it has no invoices on these days", s.Path)
	}
	return file, nil
}

// Warn logs what a person should know before the invoices are replayed.
func Warn(env wire.Env, file retail.Invoices, speed float64) {
	if t := duration(file, speed); t > housekeeping.KeyLife {
		env.Log.Warn("the replay takes longer than idempotency keys are kept: to continue it after a stop, give --from the day that was reached",
			"takes", t.Round(time.Minute), "keysKept", housekeeping.KeyLife)
	}
	for _, problem := range file.Broken {
		env.Log.Warn("a line was skipped", "reason", problem)
	}
}

// duration returns how long a replay takes at a speed; 0 if it has no limit.
func duration(file retail.Invoices, speed float64) time.Duration {
	if speed == 0 {
		return 0
	}
	first, last := file.Invoices[0].At, file.Invoices[len(file.Invoices)-1].At
	return time.Duration(float64(last.Sub(first)) / speed)
}

// errNoProducts means that the shop was not seeded with the file.
var errNoProducts = errors.New("the shop has no product of the file: run commerce seed --online-retail with the same file first")

// Run replays the invoices in a shop. It calls progress with the number of invoices that
// were done since the last call. The report is valid even if there is an error.
func Run(ctx context.Context, env wire.Env, file retail.Invoices, shop replay.Config, o replay.Options, progress func(n int)) (replay.Report, error) {
	if len(shop.Products) == 0 {
		return replay.Report{}, errNoProducts
	}
	shop.Clock, shop.Random = time.Now, env.Random
	return replay.New(shop, o, env.Log).Run(ctx, file.Invoices, progress)
}

// OverHTTP is Run in the shop that commerce-api serves at the addresses.
func OverHTTP(ctx context.Context, env wire.Env, file retail.Invoices, addresses []string, o replay.Options, progress func(n int)) (replay.Report, error) {
	client := shopclient.New(addresses, o.Concurrency+1)
	defer client.Close()
	if err := client.CheckCustomer(ctx, file.Invoices[0].Customer); err != nil {
		return replay.Report{}, fmt.Errorf("commerce-api refuses customer %s (does it run with AUTH_TRUST_USER_HEADER=true, and was the shop seeded with "+
			"commerce seed --online-retail?): %w", file.Invoices[0].Customer, err)
	}
	products, err := client.Products(ctx)
	if err != nil {
		return replay.Report{}, fmt.Errorf("read the products: %w", err)
	}
	return Run(ctx, env, file, replay.Config{Shop: client, Ranking: client.Ranking(), Products: products}, o, progress)
}
