package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

type likes struct{ *session }

// Add implements like.Table. If the same like is added several times at once, the
// primary key makes the others wait for the first, and only that one is new.
func (t likes) Add(ctx context.Context, l like.Like) (bool, error) {
	q := stmt(`
		INSERT INTO likes (user_id, product_id, at_us) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING RETURNING product_id`, l.UserID, l.ProductID, micros(l.At))
	q.Faults = Faults{"likes_product_id_fkey": product.ErrNotFound}
	n, err := count(ctx, t.change, q)
	return n == 1, err
}

// Remove implements like.Table.
func (t likes) Remove(ctx context.Context, user id.ID, productID int64) (bool, error) {
	n, err := count(ctx, t.change,
		stmt(`DELETE FROM likes WHERE user_id = $1 AND product_id = $2 RETURNING product_id`, user, productID))
	return n == 1, err
}

// Of implements like.Table.
func (t likes) Of(ctx context.Context, user id.ID, after *like.Position, limit int) ([]like.Like, error) {
	return all(ctx, t.each, likesStmt(user, after, limit), func(r row) (l like.Like, err error) {
		var at int64
		err = r.Scan(&l.UserID, &l.ProductID, &at)
		l.At = timeOf(at)
		return l, err
	})
}

func likesStmt(user id.ID, after *like.Position, limit int) Stmt {
	w := where{text: "WHERE user_id = $1", args: []any{user}}
	if after != nil {
		w.and("(at_us, product_id) < (%s, %s)", micros(after.At), after.ProductID)
	}
	return page(`SELECT user_id, product_id, at_us FROM likes `, w, "at_us DESC, product_id DESC", limit)
}

// AddCounts implements like.Table. The rows are locked in the order
// of ids, so that two writers cannot deadlock.
func (t likes) AddCounts(delta map[int64]int64) {
	if len(delta) == 0 {
		return
	}
	ids := slices.Sorted(maps.Keys(delta))
	t.exec(`SELECT l.product_id FROM product_likes l WHERE `+t.dialect.In("l.product_id", BigInt, 1)+
		` ORDER BY l.product_id `+t.dialect.ForUpdate, ids)
	counts := make([]int64, len(ids))
	for i, pid := range ids {
		counts[i] = delta[pid]
	}
	table, args, err := t.dialect.Set(1, []Column{{"id", BigInt, ids}, {"delta", BigInt, counts}})
	if err != nil {
		_ = t.fail(fmt.Errorf("like counts: %w", err))
		return
	}
	t.exec(`UPDATE product_likes AS l SET like_count = l.like_count + v.delta FROM `+table+` v WHERE l.product_id = v.id`, args...)
}
