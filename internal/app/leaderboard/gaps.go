package leaderboard

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// gapsOf returns the days whose board lacks scores that were counted, with their versions.
func gapsOf(ctx context.Context, db store.DB) (open map[clock.Day]int64, err error) {
	err = db.View(ctx, func(tx store.Tx) (err error) {
		open, err = tx.Gaps.Open(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read which boards lack scores: %w", err)
	}
	return open, nil
}

// openGap returns the version of the gap of a day; 0 if there is none.
func openGap(ctx context.Context, db store.DB, day clock.Day) (version int64, err error) {
	open, err := gapsOf(ctx, db)
	return open[day], err
}

// closeGap says that the gap of a day is closed, and forgets the days that have no board.
func (b *Builder) closeGap(ctx context.Context, day clock.Day, version int64) error {
	if version == 0 {
		return nil
	}
	err := b.db.Update(ctx, func(tx store.Tx) error {
		tx.Gaps.Close(day, version)
		tx.Gaps.Purge(ranking.OnBoard(b.now())[0])
		return nil
	})
	if err != nil {
		return fmt.Errorf("note that the board of %s is whole: %w", day, err)
	}
	return nil
}
