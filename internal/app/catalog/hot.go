package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/gather"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

const (
	hotTimeout = 10 * time.Second
	// hotAtOnce is how many products are read by one statement at most, or those of one
	// question.
	hotAtOnce = 1000
)

// hotQuestion is a question that waits for its answer.
type hotQuestion struct {
	ids  []int64
	done chan struct{}
	hot  map[int64]product.Hot // of these products, and of others
	err  error
}

// hotReader answers small questions for what is hot. Many lists that are confirmed at a time
// are one statement.
type hotReader struct {
	db        store.DB
	questions *gather.Queue[*hotQuestion]
}

func newHotReader(db store.DB) *hotReader {
	r := &hotReader{db: db}
	r.questions = gather.New(hotAtOnce, func(q *hotQuestion) int { return len(q.ids) }, r.answer)
	return r
}

// read returns what of products changes all the time. The map has others, too, and must not
// be written to.
func (r *hotReader) read(ctx context.Context, productIDs []int64) (map[int64]product.Hot, error) {
	q := &hotQuestion{ids: productIDs, done: make(chan struct{})}
	r.questions.Add(q)
	select {
	case <-q.done:
		return q.hot, q.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// answer answers questions with one statement.
func (r *hotReader) answer(batch []*hotQuestion) {
	var ids []int64
	for _, q := range batch {
		ids = append(ids, q.ids...)
	}
	slices.Sort(ids)
	var hot map[int64]product.Hot
	err := panics.Caught(func() (err error) {
		ctx, cancel := context.WithTimeout(context.Background(), hotTimeout) // others wait, too
		defer cancel()
		hot, err = readHot(ctx, r.db, slices.Compact(ids))
		return err
	})
	for _, q := range batch {
		q.hot, q.err = hot, err
		close(q.done)
	}
}

func readHot(ctx context.Context, db store.DB, productIDs []int64) (map[int64]product.Hot, error) {
	hot := make(map[int64]product.Hot, len(productIDs))
	err := db.View(ctx, func(tx store.Tx) error {
		found, err := tx.Cached.Hot(ctx, productIDs)
		for _, h := range found {
			hot[h.ID] = h
		}
		return err
	})
	return hot, err
}
