package sqlstore

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

type rebuilds struct{ *session }

// Add implements metric.RebuildTable. The primary key keeps two rebuilds from adding what
// both have found lost.
func (t rebuilds) Add(r metric.Rebuild) {
	q := stmt(`
		INSERT INTO metric_rebuilds
			(id, at_us, actor, reason, day, products, likes, orders, quantity, amount, amount_log, like_counts)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		r.ID, micros(r.At), r.Actor, r.Reason, int64(r.Day), r.Products,
		r.Added.Likes, r.Added.Orders, r.Added.Quantity, int64(r.Added.Amount), r.Added.AmountLog, r.Counts)
	q.Faults = Faults{"metric_rebuilds_pkey": metric.ErrRebuilt}
	t.queue(q)
}

// Latest implements metric.RebuildTable.
func (t rebuilds) Latest(ctx context.Context, limit int) ([]metric.Rebuild, error) {
	q := stmt(`
		SELECT id, at_us, actor, reason, day, products, likes, orders, quantity, amount, amount_log, like_counts
		FROM metric_rebuilds ORDER BY id DESC LIMIT $1`, limit)
	return all(ctx, t.each, q, func(r row) (f metric.Rebuild, err error) {
		var at int64
		err = r.Scan(&f.ID, &at, &f.Actor, &f.Reason, &f.Day, &f.Products, &f.Added.Likes, &f.Added.Orders, &f.Added.Quantity,
			&f.Added.Amount, &f.Added.AmountLog, &f.Counts)
		f.At, f.Added.Day = timeOf(at), f.Day
		return f, err
	})
}
