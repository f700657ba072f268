package sqlstore

import (
	"context"
	"fmt"
	"math"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

type rollup struct{ *session }

// Best implements ranking.RollupTable. The number of counters comes with each row: it is
// added up before the limit cuts.
func (t rollup) Best(ctx context.Context, p ranking.Period, s ranking.Schedule, r ranking.Range, limit int64) ([]ranking.Row, int64, error) {
	var read int64
	q := stmt(bestSQL(p, s, r, limit))
	q.Large = true
	rows, err := all(ctx, t.each, q, func(r row) (found ranking.Row, err error) {
		c := &found.Counters
		err = r.Scan(&found.ProductID, &found.Score, &read, &c.Views, &c.Likes, &c.Orders, &c.Quantity, &c.Amount, &c.AmountLog)
		c.ProductID = found.ProductID
		return found, err
	})
	for i := range rows {
		if rows[i].Score <= 0 {
			return rows[:i], read, err
		}
		rows[i].Rank = int64(i) + 1
	}
	return rows, read, err
}

// Keep implements ranking.RollupTable.
func (t rollup) Keep(w ranking.Work, rows []ranking.Row) {
	if len(rows) == 0 {
		return
	}
	table, args, err := t.dialect.Set(1, candidateColumns(w, rows))
	if err != nil {
		_ = t.fail(fmt.Errorf("candidates: %w", err))
		return
	}
	t.exec(`
		INSERT INTO ranking_candidates
			(run_id, kind, first_day, score, product_id, views, likes, orders, quantity, amount, amount_log)
		SELECT run_id, kind, day, score, product_id, views, likes, orders, quantity, amount, amount_log
		FROM `+table+` v WHERE true`, args...)
}

// candidateColumns turns rows into columns. In place of their day they have the first
// day of the period.
func candidateColumns(w ranking.Work, rows []ranking.Row) []Column {
	runs, kinds := make([]id.ID, len(rows)), make([]string, len(rows))
	scores, counters := make([]int64, len(rows)), make([]metric.Counters, len(rows))
	for i, r := range rows {
		runs[i], kinds[i], scores[i], counters[i] = w.Run, string(w.Period.Kind), int64(r.Score), r.Counters
		counters[i].ProductID, counters[i].Day = r.ProductID, w.Period.First
	}
	return append(columnsOf(counters), Column{"run_id", UUID, runs}, Column{"kind", Text, kinds}, Column{"score", BigInt, scores})
}

// Finish implements ranking.RollupTable. The row of the period is locked, so of two
// ranges that end at the same time, one sees the other.
func (t rollup) Finish(ctx context.Context, w ranking.Work, p ranking.Part) (ranking.Part, error) {
	q := stmt(`
		INSERT INTO ranking_parts AS p (run_id, kind, first_day, done, changes, candidates)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (run_id, kind, first_day) DO UPDATE SET
			done = p.done + excluded.done, candidates = p.candidates + excluded.candidates,
			changes = CASE WHEN excluded.changes < p.changes THEN excluded.changes ELSE p.changes END
		RETURNING done, changes, candidates`,
		w.Run, string(w.Period.Kind), int64(w.Period.First), p.Done, p.Changes, p.Candidates)
	return first(ctx, t.change, q, func(r row) (sum ranking.Part, err error) {
		err = r.Scan(&sum.Done, &sum.Changes, &sum.Candidates)
		return sum, err
	}, ranking.ErrIncomplete)
}

const ofWork = ` WHERE run_id = $1 AND kind = $2 AND first_day = $3`

// Settle implements ranking.RollupTable.
func (t rollup) Settle(ctx context.Context, w ranking.Work, into id.ID, limit, candidates int64) (int64, error) {
	work := []any{w.Run, string(w.Period.Kind), int64(w.Period.First)}
	found, err := first(ctx, t.each, stmt(`SELECT COUNT(*) FROM ranking_candidates`+ofWork, work...), scalar[int64], nil)
	if err == nil && found != candidates {
		err = ranking.ErrIncomplete
	}
	if err != nil {
		return 0, err
	}
	rows, err := count(ctx, t.change, stmt(`
		INSERT INTO product_ranks (run_id, rank_no, product_id, score, views, likes, orders, quantity, amount, amount_log)
		SELECT $1, ROW_NUMBER() OVER (ORDER BY score DESC, product_id DESC),
			product_id, score, views, likes, orders, quantity, amount, amount_log
		FROM ranking_candidates WHERE run_id = $2 AND kind = $3 AND first_day = $4
		ORDER BY score DESC, product_id DESC LIMIT $5
		RETURNING rank_no`, append(append([]any{into}, work...), limit)...))
	t.exec(`DELETE FROM ranking_candidates`+ofWork, work...)
	t.exec(`DELETE FROM ranking_parts`+ofWork, work...)
	return rows, err
}

// Compare implements ranking.RollupTable.
func (t rollup) Compare(ctx context.Context, p ranking.Publication, s ranking.Schedule, limit int64) (published, counted ranking.Checksum, err error) {
	q := stmt(`SELECT `+checksumSQL(1)+` FROM product_ranks WHERE run_id = $1
		UNION ALL SELECT `+checksumSQL(2)+` FROM (
			SELECT ROW_NUMBER() OVER (ORDER BY score DESC, product_id DESC) AS rank_no, b.*
			FROM (`+bestSQL(p.Period, s, ranking.Range{Last: math.MaxInt64}, limit)+`) b WHERE score > 0
		) c ORDER BY side`, p.Run)
	q.Large = true
	sums, err := all(ctx, t.each, q, func(r row) (sum ranking.Checksum, err error) {
		var side int64
		err = r.Scan(&side, &sum.Rows, &sum.Sum)
		return sum, err
	})
	if err == nil && len(sums) == 2 {
		published, counted = sums[0], sums[1]
	}
	return published, counted, err
}
