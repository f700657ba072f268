package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/id"
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

// SaveAll implements product.StockTable.
func (t stocks) SaveAll(stocks []product.Stock, movements []product.Movement) {
	for _, m := range movements {
		t.changed.stock(m)
	}
	t.updateAll("stocks", product.ErrNotFound,
		Column{"product_id", BigInt, collect(stocks, product.Stock.ProductID)},
		Column{"quantity", BigInt, collect(stocks, product.Stock.Quantity)},
	)
	t.insertAll("stock_movements", nil,
		Column{"product_id", BigInt, collect(movements, func(m product.Movement) int64 { return m.ProductID })},
		Column{"delta", BigInt, collect(movements, func(m product.Movement) int64 { return m.Delta })},
		Column{"quantity", BigInt, collect(movements, func(m product.Movement) int64 { return m.Quantity })},
		Column{"reason", Text, collect(movements, func(m product.Movement) string { return string(m.Reason) })},
		Column{"note", Text, collect(movements, func(m product.Movement) string { return m.Note })},
		Column{"order_id", UUID, collect(movements, func(m product.Movement) *id.ID { return m.OrderID })},
		Column{"at_us", BigInt, collect(movements, func(m product.Movement) int64 { return micros(m.At) })},
	)
}
