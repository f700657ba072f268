package sqlstore

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
)

type months struct{ *session }

// Ended implements metric.MonthTable. Only old days are read: by the index on days.
func (t months) Ended(ctx context.Context, before clock.Day) ([]metric.Month, error) {
	q := stmt(`SELECT DISTINCT day / 100 AS month FROM product_metrics WHERE day < $1 ORDER BY month`, int64(metric.MonthOf(before).First()))
	return all(ctx, t.each, q, scalar[metric.Month])
}

// monthSQL reads the daily counters of a month in the order of the primary key, in
// which every writer locks them. "day + 0" hides the end of the month from the planner:
// see countersOf.
const monthSQL = selectCounters + `WHERE product_id >= $1 AND day >= $2 AND day + 0 <= $3 ORDER BY product_id, day LIMIT $4 `

// RollUp implements metric.MonthTable. It deletes the very rows that it has added up:
// others may add a day meanwhile.
func (t months) RollUp(ctx context.Context, m metric.Month, from int64, limit int) (last, moved int64, err error) {
	q := stmt(monthSQL+t.dialect.ForUpdate, from, int64(m.First()), int64(m.Last()), limit)
	days, err := all(ctx, t.change, q, scanCounters)
	if err != nil || len(days) == 0 {
		return from, 0, err
	}
	if err := t.add(m, sums(days)); err != nil {
		return 0, 0, err
	}
	return days[len(days)-1].ProductID, int64(len(days)), t.remove(days)
}

// sums adds up the counters of each product, which are next to each other.
func sums(days []metric.Counters) (sum []metric.Counters) {
	for _, c := range days {
		if n := len(sum); n > 0 && sum[n-1].ProductID == c.ProductID {
			sum[n-1] = sum[n-1].Plus(c)
			continue
		}
		sum = append(sum, c)
	}
	return sum
}

func (t months) add(m metric.Month, sum []metric.Counters) error {
	for i := range sum {
		sum[i].Day = clock.Day(m)
	}
	table, args, err := t.dialect.Set(1, columnsOf(sum))
	if err != nil {
		return t.fail(err)
	}
	t.exec(`
		INSERT INTO product_metrics_monthly AS m
			(product_id, month, views, likes, orders, quantity, amount, amount_log, version)
		SELECT v.product_id, v.day, v.views, v.likes, v.orders, v.quantity, v.amount, v.amount_log, 1
		FROM `+table+` v WHERE true ORDER BY v.product_id
		ON CONFLICT (product_id, month) DO UPDATE SET
			views = m.views + excluded.views, likes = m.likes + excluded.likes,
			orders = m.orders + excluded.orders, quantity = m.quantity + excluded.quantity,
			amount = m.amount + excluded.amount, amount_log = m.amount_log + excluded.amount_log,
			version = m.version + 1`, args...)
	return nil
}

// errMoved means that the rows that were deleted are not those that were added up.
var errMoved = errors.New("sqlstore: daily counters changed while they were rolled up")

func (t months) remove(days []metric.Counters) error {
	table, args, err := t.dialect.Set(1, columnsOf(days)[:2])
	if err != nil {
		return t.fail(err)
	}
	q := stmt(`DELETE FROM product_metrics WHERE (product_id, day) IN (SELECT v.product_id, v.day FROM `+table+` v)`, args...)
	q.Rows, q.Mismatch = int64(len(days)), errMoved
	t.queue(q)
	return nil
}

// Has implements metric.MonthTable.
func (t months) Has(ctx context.Context, m metric.Month) (bool, error) {
	n, err := count(ctx, t.each, stmt(`SELECT month FROM product_metrics_monthly WHERE month = $1 LIMIT 1`, int64(m)))
	return n > 0, err
}

// Of implements metric.MonthTable.
func (t months) Of(ctx context.Context, productID int64, m metric.Month) (metric.Counters, error) {
	found, err := all(ctx, t.each, stmt(`
		SELECT product_id, month * 100 + 1, views, likes, orders, quantity, amount, amount_log, version
		FROM product_metrics_monthly WHERE product_id = $1 AND month = $2`, productID, int64(m)), scanCounters)
	if err != nil || len(found) == 0 {
		return metric.Counters{ProductID: productID, Day: m.First()}, err
	}
	return found[0], nil
}
