package flow_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/adapter/shopclient"
	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/program/inproc"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
	"github.com/loopers-commerce/commerce/internal/test/kit/servicetest"
)

// seedRetail fills the shop with what a generated file of invoices sells, and
// returns the invoices.
func (s *shop) seedRetail(t *testing.T, seedOf uint64) retail.Invoices {
	t.Helper()
	text := retailtest.Text(seedOf, 200, 4)
	catalogue, err := retail.ReadCatalogue(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seed.New(s.db, s.env.IDs, s.env.Clock).Seed(t.Context(), catalogue.Shop, func(int) {}); err != nil {
		t.Fatal(err)
	}
	book, err := retail.ReadInvoices(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// replay replays the invoices and checks that all of them were accepted.
func (s *shop) replay(t *testing.T, p replay.Config, invoices []replay.Invoice) replay.Report {
	t.Helper()
	p.Clock = time.Now
	o := replay.Options{Concurrency: 4, ViewsPerOrder: 2, LikesPerOrder: 0.5, Seed: 1, RetryTimeout: time.Minute}
	report, err := replay.New(p, o, s.env.Log).Run(t.Context(), invoices, func(int) {})
	if err != nil || !report.Finished() || len(report.Actions[replay.Order].Refused) > 0 || report.Actions[replay.Cancel].Sent == 0 &&
		report.Actions[replay.Cancel].Repeated == 0 {
		t.Errorf("%v, %+v", err, report)
	}
	return report
}

func TestAReplayOverHTTPFillsToday(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		book := s.seedRetail(t, 11)
		client := shopclient.New([]string{s.client.URL}, 5)
		t.Cleanup(client.Close)
		products, err := client.Products(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := client.CheckCustomer(t.Context(), book.Invoices[0].Customer); err != nil {
			t.Fatal(err)
		}
		p := replay.Config{Shop: client, Ranking: client.Ranking(), Products: products}
		first := s.replay(t, p, book.Invoices)
		s.verify(t)
		counted := s.counted(t)
		today := clock.DayOf(s.env.Clock())
		for day, c := range counted {
			if day != today && day != today.Add(-1) || c.Orders == 0 {
				t.Errorf("on %s: %+v", day, c)
			}
		}
		again := s.replay(t, p, book.Invoices)
		if n := again.Actions[replay.Order]; n.Sent > 0 || n.Repeated != first.Actions[replay.Order].Sent || again.Actions[replay.View].Sent > 0 {
			t.Errorf("once more: %+v", again.Actions)
		}
		s.verify(t)
	})
}

func TestAReplayAsOfTheInvoiceDatesFillsTheirDays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		book := s.seedRetail(t, 12)
		p := s.inProcess(t, book)
		first := s.replay(t, p, book.Invoices)
		s.verify(t)
		counted := s.counted(t)
		var views int64
		days := map[clock.Day]bool{}
		for _, i := range book.Invoices {
			if i.Cancels == "" {
				days[clock.DayOf(i.At)] = true
			}
		}
		for day, c := range counted {
			views += c.Views
			if !days[day] {
				t.Errorf("on %s, which has no invoice: %+v", day, c)
			}
		}
		if len(counted) != len(days) || views != int64(first.Actions[replay.View].Sent) {
			t.Errorf("%d days and %d views counted, want %d and %d", len(counted), views, len(days), first.Actions[replay.View].Sent)
		}
		if again := s.replay(t, p, book.Invoices); again.Actions[replay.Order].Repeated != first.Actions[replay.Order].Sent ||
			again.Actions[replay.Cancel].Repeated != first.Actions[replay.Cancel].Sent || again.Actions[replay.Charge].Sent > 0 {
			t.Errorf("once more: %+v", again.Actions)
		}
		s.verify(t)
	})
}

// inProcess opens the shop without HTTP, beside the programs that run.
func (s *shop) inProcess(t *testing.T, book retail.Invoices) replay.Config {
	t.Helper()
	var customers, skus []string
	for _, i := range book.Invoices {
		customers = append(customers, i.Customer)
		for _, item := range i.Items {
			skus = append(skus, item.SKU)
		}
	}
	w := wire.NewEnv(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	shop, err := inproc.Open(t.Context(), wire.Infra{Env: w, DB: s.db, Kafka: w.Kafka(s.brokers, s.prefix, "replay")}, customers)
	if err != nil {
		t.Fatal(err)
	}
	products, err := shop.Products(t.Context(), skus)
	if err != nil {
		t.Fatal(err)
	}
	servicetest.Run(t, w.Log, wire.Program{Components: shop.Components(), Close: shop.Close})
	return replay.Config{Shop: shop, Ranking: shop, Products: products}
}

// counted returns the counters of each day, of all products together. Views come by a
// way of their own: it waits until their number has not changed for a while.
func (s *shop) counted(t *testing.T) (days map[clock.Day]metric.Counters) {
	t.Helper()
	const quiet = 500 * time.Millisecond
	views, since := int64(-1), time.Now()
	cluster.Eventually(t, 30*time.Second, "the counters do not change any more", func() error {
		days = map[clock.Day]metric.Counters{}
		var now int64
		err := s.db.View(t.Context(), func(tx store.Tx) error {
			return tx.Metrics.All(t.Context(), 1_01_01, 9999_12_31, func(c metric.Counters) error {
				days[c.Day], now = days[c.Day].Plus(c), now+c.Views
				return nil
			})
		})
		if now != views {
			views, since = now, time.Now()
		}
		if err == nil && time.Since(since) < quiet {
			err = fmt.Errorf("%d views since %v", views, since)
		}
		return err
	})
	return days
}
