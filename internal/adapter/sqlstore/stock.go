package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type stocks struct{ *session }

// Lock implements product.StockTable.
func (t stocks) Lock(ctx context.Context, productIDs []int64) ([]product.Stock, error) {
	q := stmt(`SELECT product_id, quantity FROM stocks WHERE `+t.dialect.In("product_id", BigInt, 1)+
		` ORDER BY product_id `+t.dialect.ForUpdate, productIDs)
	return all(ctx, t.change, q, func(r row) (product.Stock, error) {
		var pid, quantity int64
		err := r.Scan(&pid, &quantity)
		return product.StockOf(pid, quantity), err
	})
}

// Save implements product.StockTable.
func (t stocks) Save(s product.Stock, m product.Movement) {
	t.changed.stock(m)
	t.queue(Stmt{
		SQL:  `UPDATE stocks SET quantity = $1 WHERE product_id = $2`,
		Args: []any{s.Quantity(), s.ProductID()},
		Rows: 1, Mismatch: product.ErrNotFound,
	})
	t.exec(`
		INSERT INTO stock_movements (product_id, delta, quantity, reason, note, order_id, at_us)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		m.ProductID, m.Delta, m.Quantity, string(m.Reason), m.Note, m.OrderID, micros(m.At))
}
