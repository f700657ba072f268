package flow_test

import (
	"context"
	"errors"
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
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
)

var errMoving = errors.New("they still move")

// furnish fills the shop with what a made-up file of invoices sells, and
// returns the invoices.
func (s *shop) furnish(t *testing.T, seedOf uint64) retail.Invoices {
	t.Helper()
	text := retailtest.Text(seedOf, 300, 4)
	catalogue, err := retail.ReadCatalogue(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seed.New(s.db, s.world.IDs, s.world.Clock).Seed(t.Context(), catalogue.Shop, func(int) {}); err != nil {
		t.Fatal(err)
	}
	book, err := retail.ReadInvoices(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func (s *shop) replay(t *testing.T, p replay.Config, invoices []replay.Invoice) replay.Report {
	t.Helper()
	p.Clock = time.Now
	o := replay.Options{Concurrency: 4, ViewsPerOrder: 2, LikesPerOrder: 0.5, Seed: 1, RetryTimeout: time.Minute}
	report, err := replay.New(p, o, s.world.Log).Run(t.Context(), invoices, func(int) {})
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
		book := s.furnish(t, 11)
		client := shopclient.New([]string{s.url}, 5)
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
		today := clock.DayOf(s.world.Clock())
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

func TestAReplayAsOfTheInvoicesFillsTheirDays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *shop) {
		t.Helper()
		book := s.furnish(t, 12)
		p := s.fromInside(t, book)
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
				t.Errorf("on %s, when nobody bought: %+v", day, c)
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

// fromInside opens the shop without HTTP, beside the programs that run.
func (s *shop) fromInside(t *testing.T, book retail.Invoices) replay.Config {
	t.Helper()
	var customers, skus []string
	for _, i := range book.Invoices {
		customers = append(customers, i.Customer)
		for _, item := range i.Items {
			skus = append(skus, item.SKU)
		}
	}
	w := wire.Real(slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	shop, err := inproc.Open(t.Context(), wire.Infra{Env: w, DB: s.db, Kafka: w.Kafka(s.brokers, s.prefix, "replay")}, customers)
	if err != nil {
		t.Fatal(err)
	}
	products, err := shop.Products(t.Context(), skus)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- run.All(ctx, w.Log, shop.Components()...) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the parts beside the replay ended with %v", err)
		}
		shop.Close()
	})
	return replay.Config{Shop: shop, Ranking: shop, Products: products}
}

// counted is what was counted on each day, of all products together. Views
// come by a way of their own: they are waited for until nothing moves any more.
func (s *shop) counted(t *testing.T) map[clock.Day]metric.Counters {
	t.Helper()
	var days map[clock.Day]metric.Counters
	quiet, views := 0, int64(-1)
	eventually(t, 30*time.Second, "the counters come to rest", func() error {
		days = map[clock.Day]metric.Counters{}
		var now int64
		err := s.db.View(t.Context(), func(tx store.Tx) error {
			return tx.Metrics.All(t.Context(), 1_01_01, 9999_12_31, func(c metric.Counters) error {
				days[c.Day], now = days[c.Day].Plus(c), now+c.Views
				return nil
			})
		})
		quiet++
		if now != views {
			quiet, views = 0, now
		}
		if err == nil && quiet < 100 {
			err = errMoving
		}
		return err
	})
	return days
}
