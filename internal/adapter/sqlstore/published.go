package sqlstore

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

type published struct{ *session }

const selectPublications = `
	SELECT kind, first_day, last_day, run_id, as_of_us, complete, changes, weights, row_count, row_limit FROM ranking_publications
	WHERE replaced_us IS NULL `

const currentPublication = selectPublications + `AND kind = $1 AND first_day = $2`

func scanPublication(r row) (p ranking.Publication, err error) {
	var asOf int64
	err = r.Scan(&p.Period.Kind, &p.Period.First, &p.Period.Last, &p.Run, &asOf, &p.Complete, &p.Changes, &p.Weights, &p.Rows, &p.Limit)
	p.AsOf = timeOf(asOf)
	return p, err
}

// Current implements ranking.PublishedTable.
func (t published) Current(ctx context.Context, p ranking.Period) (ranking.Publication, error) {
	q := stmt(currentPublication, string(p.Kind), int64(p.First))
	return first(ctx, t.each, q, scanPublication, ranking.ErrNotPublished)
}

// Currents implements ranking.PublishedTable. Periods of a kind do not overlap. So those
// that overlap the days are the ones that begin between the first day of the first
// period and the last day.
func (t published) Currents(ctx context.Context, kind ranking.Kind, from, to clock.Day) ([]ranking.Publication, error) {
	q := stmt(selectPublications+`AND kind = $1 AND first_day BETWEEN $2 AND $3 ORDER BY first_day`,
		string(kind), int64(ranking.PeriodOf(kind, from).First), int64(to))
	return all(ctx, t.each, q, scanPublication)
}

const rankColumns = `rank_no, product_id, score, views, likes, orders, quantity, amount, amount_log`

func scanRank(r row) (found ranking.Row, err error) {
	c := &found.Counters
	err = r.Scan(&found.Rank, &found.ProductID, &found.Score, &c.Views, &c.Likes, &c.Orders, &c.Quantity, &c.Amount, &c.AmountLog)
	c.ProductID = found.ProductID
	return found, err
}

// Rows implements ranking.PublishedTable. Ranks have no gaps, so an offset is a rank.
func (t published) Rows(ctx context.Context, run id.ID, offset, limit int64) ([]ranking.Row, error) {
	return all(ctx, t.each, stmt(ranksPage, run, offset, limit), scanRank)
}

// Statements that readers of a run execute.
const (
	ranksPage    = `SELECT ` + rankColumns + ` FROM product_ranks WHERE run_id = $1 AND rank_no > $2 ORDER BY rank_no LIMIT $3`
	ranksOfBrand = `
		SELECT ` + rankColumns + ` FROM product_ranks r
		WHERE run_id = $1 AND (SELECT brand_id FROM products p WHERE p.id = r.product_id) = $2
		ORDER BY rank_no LIMIT $3 OFFSET $4`
	ranksOf = `SELECT product_id, rank_no FROM product_ranks WHERE run_id = $1 AND ` // and the products
)

// OfBrand implements ranking.PublishedTable.
func (t published) OfBrand(ctx context.Context, run id.ID, brandID, offset, limit int64) ([]ranking.Row, error) {
	rows, err := all(ctx, t.each, stmt(ranksOfBrand, run, brandID, limit, offset), scanRank)
	for i := range rows {
		rows[i].Rank = offset + int64(i) + 1
	}
	return rows, err
}

// Ranks implements ranking.PublishedTable.
func (t published) Ranks(ctx context.Context, run id.ID, productIDs []int64) (map[int64]int64, error) {
	q := stmt(ranksOf+t.dialect.In("product_id", BigInt, 2), run, productIDs)
	ranks := make(map[int64]int64, len(productIDs))
	err := t.each(ctx, q, func(r row) error {
		var product, rank int64
		if err := r.Scan(&product, &rank); err != nil {
			return err
		}
		ranks[product] = rank
		return nil
	})
	return ranks, err
}

// Publish implements ranking.PublishedTable. Of two transactions that publish the same
// period at the same time, the second violates the key, and runs again.
func (t published) Publish(p ranking.Publication) {
	t.exec(`UPDATE ranking_publications SET replaced_us = $1 WHERE kind = $2 AND first_day = $3 AND replaced_us IS NULL`,
		micros(t.now()), string(p.Period.Kind), int64(p.Period.First))
	t.queue(Stmt{
		SQL: `
			INSERT INTO ranking_publications
				(run_id, kind, period, first_day, last_day, as_of_us, complete, changes, weights, row_count, row_limit)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		Args: []any{
			p.Run, string(p.Period.Kind), p.Period.Key(), int64(p.Period.First), int64(p.Period.Last), micros(p.AsOf),
			p.Complete, p.Changes, p.Weights, p.Rows, p.Limit,
		},
		Rows:   Any,
		Faults: Faults{"ranking_publications_kind_first_day_key": errRetry},
	})
	t.queue(Stmt{
		SQL: `
			UPDATE ranking_publications SET row_count = row_count WHERE run_id = $1 AND row_count = (
				SELECT COUNT(*) FROM product_ranks r WHERE r.run_id = ranking_publications.run_id
			) AND row_count = (
				SELECT COALESCE(MAX(rank_no), 0) FROM product_ranks r WHERE r.run_id = ranking_publications.run_id
			)`,
		Args: []any{p.Run}, Rows: 1, Mismatch: ranking.ErrIncomplete,
	})
}

// Purge implements ranking.PublishedTable. The id of a run contains its time, so the
// work of abandoned runs is found by the primary key.
func (t published) Purge(ctx context.Context, before time.Time, limit int) (deleted int64, err error) {
	for _, text := range []string{
		`DELETE FROM product_ranks WHERE (run_id, rank_no) IN (
			SELECT r.run_id, r.rank_no FROM ranking_publications p JOIN product_ranks r ON r.run_id = p.run_id
			WHERE p.replaced_us < $1 LIMIT $2
		) RETURNING rank_no`,
		`DELETE FROM ranking_publications WHERE run_id IN (
			SELECT run_id FROM ranking_publications p WHERE replaced_us < $1
			AND NOT EXISTS (SELECT 1 FROM product_ranks r WHERE r.run_id = p.run_id) LIMIT $2
		) RETURNING row_count`,
	} {
		n, err := count(ctx, t.change, stmt(text, micros(before), int64(limit)-deleted))
		if deleted += n; err != nil || deleted >= int64(limit) {
			return deleted, err
		}
	}
	n, err := t.purgeWork(ctx, before.Add(-ranking.Abandoned), int64(limit)-deleted)
	return deleted + n, err
}

func (t published) purgeWork(ctx context.Context, before time.Time, limit int64) (deleted int64, err error) {
	for _, text := range []string{
		`DELETE FROM ranking_candidates WHERE (run_id, kind, first_day, score, product_id) IN (
			SELECT run_id, kind, first_day, score, product_id FROM ranking_candidates WHERE run_id < $1 ORDER BY run_id LIMIT $2
		) RETURNING product_id`,
		`DELETE FROM ranking_parts WHERE (run_id, kind, first_day) IN (
			SELECT run_id, kind, first_day FROM ranking_parts WHERE run_id < $1 ORDER BY run_id LIMIT $2
		) RETURNING done`,
	} {
		n, err := count(ctx, t.change, stmt(text, id.Floor(before), limit-deleted))
		if deleted += n; err != nil || deleted >= limit {
			return deleted, err
		}
	}
	return deleted, nil
}
