package sqlstore

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

type weights struct{ *session }

// Changes implements ranking.WeightsTable.
func (t weights) Changes(ctx context.Context) ([]ranking.WeightsChange, error) {
	q := stmt(`SELECT id, view_weight, like_weight, order_weight, carry, at_us, actor, reason FROM ranking_weights ORDER BY id`)
	return all(ctx, t.each, q, func(r row) (c ranking.WeightsChange, err error) {
		var at int64
		err = r.Scan(&c.ID, &c.Weights.View, &c.Weights.Like, &c.Weights.Order, &c.Weights.Carry, &at, &c.Actor, &c.Reason)
		c.At = timeOf(at)
		return c, err
	})
}

// Add implements ranking.WeightsTable. A second transaction takes the same id: it waits
// for the first one on the primary key, and runs again.
func (t weights) Add(ctx context.Context, c ranking.WeightsChange) (int64, error) {
	w := c.Weights
	q := stmt(`
		INSERT INTO ranking_weights (id, view_weight, like_weight, order_weight, carry, at_us, actor, reason)
		SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT),
			CASE WHEN MAX(at_us) > CAST($5 AS BIGINT) THEN MAX(at_us) ELSE CAST($5 AS BIGINT) END,
			CAST($6 AS TEXT), CAST($7 AS TEXT)
		FROM ranking_weights RETURNING id`,
		w.View, w.Like, w.Order, w.Carry, micros(c.At), c.Actor, c.Reason)
	q.Faults = Faults{"ranking_weights_pkey": errRetry}
	return first(ctx, t.change, q, scalar[int64], errors.New("sqlstore: a change of weights was not stored"))
}
