package conformance

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/point"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// audit returns the number of rows and the differences of a check.
func (s *shop) audit(compare comparing) (int64, []store.Difference) {
	s.Helper()
	found := read(s, func(ctx context.Context, tx store.Tx) (found storetest.Report, err error) {
		err = compare(tx.Audit, ctx, &found)
		return found, err
	})
	return found.Rows, found.Differences
}

func auditTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"stock agrees with its journal and with live orders": stockAudit,
		"balances agree with the ledger":                     walletAudit,
		"points of orders agree with the ledger":             spentAudit,
		"like counts agree with likes and with the counters": likeAudit,
	}
}

func stockAudit(s *shop) {
	b, u := s.brand(), s.user()
	p, q := s.product(b.ID, 10), s.product(b.ID, 10)
	o := s.order(u.ID, p, q) // one p, two q
	s.update(func(ctx context.Context, tx store.Tx) error {
		tx.Orders.Add(o)
		for _, l := range o.Lines {
			stocks, err := tx.Stocks.Lock(ctx, []int64{l.ProductID})
			if err != nil {
				return err
			}
			left, err := stocks[0].Take(l.Quantity)
			if err != nil {
				return err
			}
			tx.Stocks.Save(left, product.Movement{
				ProductID: l.ProductID, Delta: -l.Quantity, Quantity: left.Quantity(), Reason: product.Ordered, OrderID: &o.ID, At: noon(),
			})
		}
		return nil
	})
	compared, found := s.audit(store.Audit.Stock)
	s.equal(int64(2), compared)
	s.equal(0, len(found))
	s.update(func(ctx context.Context, tx store.Tx) error { // cancelled, and nothing given back
		kept, err := tx.Orders.Lock(ctx, o.ID)
		tx.Orders.Save(s.cancelled(kept))
		return err
	})
	_, found = s.audit(store.Audit.Stock)
	s.equal([]store.Difference{
		{Subject: fmt.Sprintf("product %d", p.ID), What: "stock, put in less held by live orders", Want: 10, Got: 9},
		{Subject: fmt.Sprintf("product %d", q.ID), What: "stock, put in less held by live orders", Want: 10, Got: 8},
	}, found)
	s.update(func(_ context.Context, tx store.Tx) error { // a movement that says another number than the stock
		tx.Stocks.Save(product.StockOf(p.ID, 10), product.Movement{
			ProductID: p.ID, Delta: 5, Quantity: 10, Reason: product.Cancelled, At: noon(),
		})
		return nil
	})
	_, found = s.audit(store.Audit.Stock)
	s.equal(store.Difference{
		Subject: fmt.Sprintf("product %d", p.ID), What: "stock, sum of its movements", Want: 14, Got: 10,
	}, found[0])
}

func walletAudit(s *shop) {
	u, other := s.user(), s.user()
	s.charge(u.ID, 100)
	s.charge(other.ID, 5)
	s.update(func(ctx context.Context, tx store.Tx) error { return s.spend(ctx, tx, u.ID, 30) })
	compared, found := s.audit(store.Audit.Wallets)
	s.equal(int64(2), compared)
	s.equal(0, len(found))
	s.update(func(_ context.Context, tx store.Tx) error {
		tx.Points.Save(point.WalletOf(u.ID, 71), point.Entry{
			ID: s.ids(), UserID: u.ID, Type: point.Adjust, Amount: 2, Balance: 71, At: noon(),
		})
		return nil
	})
	_, found = s.audit(store.Audit.Wallets)
	s.equal([]store.Difference{
		{Subject: "user " + u.ID.String(), What: "balance, sum of the ledger", Want: 72, Got: 71},
	}, found)
}

func spentAudit(s *shop) {
	u, other := s.user(), s.user()
	s.charge(u.ID, 100)
	p := s.product(s.brand().ID, 1)
	placed := func(points money.Won) order.Order {
		o := s.order(u.ID, p)
		o.Points, o.Card = points, o.Amount-points
		s.update(func(_ context.Context, tx store.Tx) error { tx.Orders.Add(o); return nil })
		return o
	}
	enter := func(user, o id.ID, kind point.Type, amount money.Won) {
		s.update(func(_ context.Context, tx store.Tx) error {
			tx.Points.Save(point.WalletOf(user, 100), point.Entry{
				ID: s.ids(), UserID: user, Type: kind, Amount: amount, Balance: 100, OrderID: &o, At: noon(),
			})
			return nil
		})
	}
	differs := func(o id.ID, status string, want, got int64) store.Difference {
		return store.Difference{Subject: fmt.Sprintf("order %s, %s", o, status), What: "points of a live order, taken by the ledger", Want: want, Got: got}
	}
	_, o := placed(0), placed(30)
	enter(u.ID, o.ID, point.Use, -30)
	compared, found := s.audit(store.Audit.Spent)
	s.equal(int64(1), compared) // the other one took no points
	s.equal(0, len(found))
	die := func() {
		s.update(func(ctx context.Context, tx store.Tx) error {
			kept, err := tx.Orders.Lock(ctx, o.ID)
			tx.Orders.Save(s.cancelled(kept))
			return err
		})
	}
	die()
	_, found = s.audit(store.Audit.Spent) // nothing was given back
	s.equal([]store.Difference{differs(o.ID, "CANCELLED", 0, 30)}, found)
	enter(u.ID, o.ID, point.Refund, 30)
	s.sound(store.Audit.Spent)
	enter(u.ID, o.ID, point.Refund, 30) // twice
	_, found = s.audit(store.Audit.Spent)
	s.equal([]store.Difference{differs(o.ID, "CANCELLED", 0, -30)}, found)
	enter(u.ID, o.ID, point.Adjust, -30)
	free, nobodys := placed(5), s.ids()
	enter(other.ID, free.ID, point.Use, -5) // of somebody else's points
	enter(u.ID, nobodys, point.Use, -7)
	_, found = s.audit(store.Audit.Spent)
	s.equal([]store.Difference{
		differs(free.ID, "PENDING", 5, 0), differs(free.ID, "not there", 0, 5), differs(nobodys, "not there", 0, 7),
	}, found)
}

func likeAudit(s *shop) {
	u, b := s.user(), s.brand()
	p, q := s.product(b.ID, 0), s.product(b.ID, 0)
	s.like(u.ID, p.ID, noon())
	s.queue(func(tx store.Tx) { tx.Likes.AddCounts(map[int64]int64{p.ID: 1}) })
	s.count(metric.Counters{ProductID: p.ID, Day: 20251103, Likes: 2}, metric.Counters{ProductID: p.ID, Day: 20251104, Likes: -1})
	compared, found := s.audit(store.Audit.Likes)
	s.equal(int64(2), compared)
	s.equal(0, len(found))
	s.like(u.ID, q.ID, noon()) // counted nowhere yet
	s.queue(func(tx store.Tx) { tx.Likes.AddCounts(map[int64]int64{p.ID: 1}) })
	_, found = s.audit(store.Audit.Likes)
	s.equal([]store.Difference{
		{Subject: fmt.Sprintf("product %d", p.ID), What: "like count, number of likes", Want: 1, Got: 2},
		{Subject: fmt.Sprintf("product %d", q.ID), What: "like count, number of likes", Want: 1, Got: 0},
		{Subject: fmt.Sprintf("product %d", q.ID), What: "daily net likes, number of likes", Want: 1, Got: 0},
	}, found)
}
