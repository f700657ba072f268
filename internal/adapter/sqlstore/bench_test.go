package sqlstore_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

func engines() map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB {
	return map[string]func(testing.TB, sqlstore.Options) *sqlstore.DB{
		"SQLite": storetest.SQLite, "PostgreSQL": storetest.Postgres,
	}
}

// BenchmarkOrder places orders of one product, each by another user: the statements
// of the busiest transaction of the shop, without its rules.
func BenchmarkOrder(b *testing.B) {
	for name, open := range engines() {
		b.Run(name, func(b *testing.B) {
			db := open(b, sqlstore.Options{})
			o := storetest.Complete(sqlstore.Options{})
			users, products := fillShop(b, db, o)
			var serial atomic.Int64
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := int(serial.Add(1))
					if err := placeOne(b, db, o, users[n%len(users)], products[n%len(products)]); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkCounters adds the counters of 1,000 products, a batch of the streamer.
func BenchmarkCounters(b *testing.B) {
	for name, open := range engines() {
		b.Run(name, func(b *testing.B) {
			db := open(b, sqlstore.Options{})
			deltas := make([]metric.Counters, 1_000)
			for i := range deltas {
				deltas[i] = metric.Counters{ProductID: int64(i) + 1, Day: 20251103, Views: 1, AmountLog: 9_000}
			}
			for b.Loop() {
				if err := db.Update(b.Context(), func(tx store.Tx) error { tx.Metrics.Add(deltas); return nil }); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(deltas))/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkTop reads a ranking from the counters of 20,000 products on 8 days.
func BenchmarkTop(b *testing.B) {
	const products, today = 20_000, clock.Day(20251103)
	for name, open := range engines() {
		b.Run(name, func(b *testing.B) {
			db := open(b, sqlstore.Options{})
			for _, day := range today.Add(-ranking.Window).Until(today) {
				deltas := make([]metric.Counters, products)
				for i := range deltas {
					deltas[i] = metric.Counters{ProductID: int64(i) + 1, Day: day, Views: int64(i*7919) % 1_000}
				}
				if err := db.Update(b.Context(), func(tx store.Tx) error { tx.Metrics.Add(deltas); return nil }); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				err := db.View(b.Context(), func(tx store.Tx) error {
					_, err := tx.Ranking.Top(b.Context(), ranking.NewSchedule(), today, 0, 20)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func fillShop(b *testing.B, db store.DB, o sqlstore.Options) (users []id.ID, products []int64) {
	b.Helper()
	ctx := b.Context()
	err := db.Update(ctx, func(tx store.Tx) error {
		brand, err := tx.Brands.Add(ctx, product.Brand{Name: "brand"})
		if err != nil {
			return err
		}
		for i := range 100 {
			p, err := tx.Products.Add(ctx, product.Product{BrandID: brand.ID, Name: "p", Price: 1, Status: product.OnSale})
			if err != nil {
				return err
			}
			products = append(products, p.ID)
			tx.Stocks.Save(product.StockOf(p.ID, product.MaxStock), product.Movement{
				ProductID: p.ID, Delta: product.MaxStock, Quantity: product.MaxStock, Reason: product.Initial,
			})
			name := string(rune('a'+i/10)) + string(rune('a'+i%10))
			u := user.User{
				ID: o.IDs(), LoginID: name, Email: name, BirthDate: "1990-01-01", Gender: user.Male, Role: user.Customer,
			}
			users = append(users, u.ID)
			tx.Users.Add(u)
			tx.Points.Open(u.ID)
			tx.Points.Save(point.WalletOf(u.ID, 1e12), point.Entry{
				ID: o.IDs(), UserID: u.ID, Type: point.Charge, Amount: 1e12, Balance: 1e12,
			})
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return users, products
}

func placeOne(b *testing.B, db store.DB, o sqlstore.Options, uid id.ID, pid int64) error {
	b.Helper()
	ctx := b.Context()
	return db.Update(ctx, func(tx store.Tx) error {
		stocks, err := tx.Stocks.Lock(ctx, []int64{pid})
		if err != nil {
			return err
		}
		wallet, err := tx.Points.Lock(ctx, uid)
		if err != nil {
			return err
		}
		placed, err := order.New(o.IDs(), uid, []order.Line{{ProductID: pid, Name: "p", Price: 1, Quantity: 1}}, o.Clock())
		if err != nil {
			return err
		}
		if placed, err = placed.Pay(o.Clock()); err != nil {
			return err
		}
		left, taken := stocks[0].Take(1)
		spent, short := wallet.Spend(1)
		if err := errors.Join(taken, short); err != nil {
			return err
		}
		tx.Stocks.Save(left, product.Movement{
			ProductID: pid, Delta: -1, Quantity: left.Quantity(), Reason: product.Ordered, OrderID: &placed.ID, At: o.Clock(),
		})
		tx.Points.Save(spent, point.Entry{
			ID: o.IDs(), UserID: uid, Type: point.Use, Amount: -1, Balance: spent.Balance(), OrderID: &placed.ID, At: o.Clock(),
		})
		tx.Orders.Add(placed)
		tx.Outbox.Append(time.Now(), placed.PlacedEvent(), placed.PaidEvent())
		return nil
	})
}
