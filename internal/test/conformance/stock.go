package conformance

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

// take takes n pieces of each product. All products must exist.
func (s *shop) take(ctx context.Context, tx store.Tx, n int64, ids ...int64) error {
	stocks, err := tx.Stocks.Lock(ctx, ids)
	for _, stock := range stocks {
		left, failed := stock.Take(n)
		if failed != nil {
			return failed
		}
		tx.Stocks.Save(left, product.Movement{
			ProductID: left.ProductID(), Delta: -n, Quantity: left.Quantity(), Reason: product.Adjusted, Note: "taken", At: noon(),
		})
	}
	return err
}

func stockTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"stocks are locked in id order, whatever the order asked for": stockLockOrder,
		"stock reads as it was saved, even by the transaction itself": stockReads,
		"the stock of a product that is not there cannot be saved":    stockUnknown,
	}
}

func stockLockOrder(s *shop) {
	b := s.brand()
	p, q := s.product(b.ID, 1), s.product(b.ID, 2)
	got := write(s, func(ctx context.Context, tx store.Tx) ([]product.Stock, error) {
		return tx.Stocks.Lock(ctx, []int64{q.ID, 99, p.ID, q.ID})
	})
	s.equal([]product.Stock{product.StockOf(p.ID, 1), product.StockOf(q.ID, 2)}, got)
}

func stockReads(s *shop) {
	p := s.product(s.brand().ID, 5)
	s.update(func(ctx context.Context, tx store.Tx) error {
		if err := s.take(ctx, tx, 2, p.ID); err != nil {
			return err
		}
		return s.take(ctx, tx, 1, p.ID)
	})
	s.equal(int64(2), s.listing(p.ID).Stock)
}

func stockUnknown(s *shop) {
	s.refuses(product.ErrNotFound, func(_ context.Context, tx store.Tx) error {
		tx.Stocks.Save(product.StockOf(99, 1), product.Movement{
			ProductID: 99, Delta: 1, Quantity: 1, Reason: product.Adjusted, At: noon(),
		})
		return nil
	})
}
