package rankings

import (
	"context"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/store"
)

// openGaps are the days whose board lacks scores.
type openGaps map[clock.Day]int64

func (openGaps) weight() int { return 0 }

// lacking reports whether the board of a day lacks scores that were counted while Redis was
// away. The notes are read once a second. If they cannot be read, the board is used.
func (r *Reader) lacking(ctx context.Context, day clock.Day) bool {
	open, err := r.gaps.get(ctx, struct{}{}, func(ctx context.Context) (open openGaps, err error) {
		err = r.DB.View(ctx, func(tx store.Tx) error {
			open, err = tx.Gaps.Open(ctx)
			return err
		})
		return open, err
	})
	_, found := open[day]
	return err == nil && found
}
