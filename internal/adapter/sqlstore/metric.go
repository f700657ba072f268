package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

type metrics struct{ *session }

// Add implements metric.Table. The rows are locked in the order of the primary key, and
// those that count the changes after them, so that two writers cannot deadlock.
func (t metrics) Add(deltas []metric.Counters) {
	if len(deltas) == 0 {
		return
	}
	table, args, err := t.dialect.Set(1, columnsOf(deltas))
	if err != nil {
		_ = t.fail(fmt.Errorf("counters: %w", err))
		return
	}
	t.exec(`
		INSERT INTO product_metrics AS m
			(product_id, day, views, likes, orders, quantity, amount, amount_log, version)
		SELECT v.product_id, v.day, v.views, v.likes, v.orders, v.quantity, v.amount, v.amount_log, 1
		FROM `+table+` v WHERE true ORDER BY v.product_id, v.day
		ON CONFLICT (product_id, day) DO UPDATE SET
			views = m.views + excluded.views, likes = m.likes + excluded.likes,
			orders = m.orders + excluded.orders, quantity = m.quantity + excluded.quantity,
			amount = m.amount + excluded.amount, amount_log = m.amount_log + excluded.amount_log,
			version = m.version + 1`, args...)
	t.changed(deltas)
}

// stripes is the number of rows in which the changes of a day are counted.
const stripes = 16

// changed counts a change of each day. A day is locked until the transaction ends, so
// transactions of different products use different rows.
func (t metrics) changed(deltas []metric.Counters) {
	var days []int64
	for _, d := range deltas {
		days = append(days, int64(d.Day))
	}
	slices.Sort(days)
	table, args, err := t.dialect.Set(2, []Column{{"day", Integer, slices.Compact(days)}})
	if err != nil {
		_ = t.fail(fmt.Errorf("changed days: %w", err))
		return
	}
	t.exec(`
		INSERT INTO metric_days AS d (stripe, day, changes)
		SELECT CAST($1 AS INTEGER), v.day, 1 FROM `+table+` v WHERE true ORDER BY v.day
		ON CONFLICT (day, stripe) DO UPDATE SET changes = d.changes + 1`,
		append([]any{deltas[0].ProductID % stripes}, args...)...)
}

const changesSQL = `SELECT day, CAST(SUM(changes) AS BIGINT) FROM metric_days WHERE day BETWEEN $1 AND $2 GROUP BY day`

// Changes implements metric.Table.
func (t metrics) Changes(ctx context.Context, from, to clock.Day) (metric.Changes, error) {
	found := metric.Changes{}
	err := t.each(ctx, stmt(changesSQL, int64(from), int64(to)), func(r row) error {
		var day clock.Day
		var n int64
		err := r.Scan(&day, &n)
		found[day] = n
		return err
	})
	return found, err
}

// columnsOf turns rows into columns.
func columnsOf(deltas []metric.Counters) []Column {
	column := func(name string, kind Type, value func(metric.Counters) int64) Column {
		values := make([]int64, len(deltas))
		for i, d := range deltas {
			values[i] = value(d)
		}
		return Column{name, kind, values}
	}
	return []Column{
		column("product_id", BigInt, func(c metric.Counters) int64 { return c.ProductID }),
		column("day", Integer, func(c metric.Counters) int64 { return int64(c.Day) }),
		column("views", BigInt, func(c metric.Counters) int64 { return c.Views }),
		column("likes", BigInt, func(c metric.Counters) int64 { return c.Likes }),
		column("orders", BigInt, func(c metric.Counters) int64 { return c.Orders }),
		column("quantity", BigInt, func(c metric.Counters) int64 { return c.Quantity }),
		column("amount", BigInt, func(c metric.Counters) int64 { return int64(c.Amount) }),
		column("amount_log", BigInt, func(c metric.Counters) int64 { return c.AmountLog }),
	}
}

const selectCounters = `
	SELECT product_id, day, views, likes, orders, quantity, amount, amount_log, version FROM product_metrics `

// Of implements metric.Table.
func (t metrics) Of(ctx context.Context, productIDs []int64, first, last clock.Day) ([]metric.Counters, error) {
	q := stmt(countersOf(t.dialect.In("product_id", BigInt, 1)), productIDs, int64(first), int64(last))
	return all(ctx, t.each, q, scanCounters)
}

// countersOf returns a statement that PostgreSQL executes by the primary key. In a
// generic plan, PostgreSQL expects 1 of 200 rows between two unknown bounds, and
// would read the counters of all products on these days by the other index. For one
// bound it expects a third of the rows, and "day + 0" hides the other bound.
func countersOf(products string) string {
	return selectCounters + `WHERE ` + products + ` AND day >= $2 AND day + 0 <= $3 ORDER BY product_id, day`
}

// All implements metric.Table. The rows are processed as they arrive.
func (t metrics) All(ctx context.Context, first, last clock.Day, yield func(metric.Counters) error) error {
	q := stmt(selectCounters+`WHERE day BETWEEN $1 AND $2 ORDER BY product_id, day`, int64(first), int64(last))
	return t.each(ctx, q, func(r row) error {
		c, err := scanCounters(r)
		if err != nil {
			return err
		}
		return yield(c)
	})
}

func scanCounters(r row) (c metric.Counters, err error) {
	err = r.Scan(&c.ProductID, &c.Day, &c.Views, &c.Likes, &c.Orders, &c.Quantity, &c.Amount, &c.AmountLog, &c.Version)
	return c, err
}
