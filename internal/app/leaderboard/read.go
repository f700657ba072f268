// Package leaderboard reads the live rankings from a board in Redis, and rebuilds
// and verifies the board from the counters in the database.
package leaderboard

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Board is a board as a Reader needs it.
type Board interface {
	// Top returns the ranks offset+1 to offset+limit of a day, and whether the
	// board is complete: otherwise products may be missing.
	Top(ctx context.Context, day clock.Day, offset, limit int64) (top []ranking.Entry, complete bool, err error)
	// Rank returns the rank of a product on a day; nil if it has none or the
	// board is not complete.
	Rank(ctx context.Context, day clock.Day, productID int64) (*int64, error)
}

// Reader reads rankings from the board, or from the database where the board is
// not complete. It is safe for concurrent use.
type Reader struct {
	db    store.DB
	board Board
	now   clock.Clock
	log   *slog.Logger

	fromBoard, fromDatabase atomic.Int64
}

// NewReader returns a reader.
func NewReader(db store.DB, board Board, now clock.Clock, log *slog.Logger) *Reader {
	return &Reader{db: db, board: board, now: now, log: log}
}

// Page is a part of a ranking.
type Page struct {
	Entries []ranking.Entry
	HasMore bool // whether there are ranks after these
}

// lastRank is the last rank that is read: nobody needs more pages, and the offset
// does not overflow.
const lastRank = 1 << 40

// Read returns a page of a day's ranking; the first page is number 1. A day in the
// future and a day without events are empty. Errors are those of the database.
func (r *Reader) Read(ctx context.Context, day clock.Day, number, size int64) (Page, error) {
	if number < 1 || size < 1 || number > lastRank/size || day > clock.DayOf(r.now()) {
		return Page{}, nil
	}
	entries, err := r.read(ctx, day, (number-1)*size, size+1)
	if err != nil {
		return Page{}, fmt.Errorf("ranking of %s: %w", day, err)
	}
	if int64(len(entries)) > size {
		return Page{Entries: entries[:size], HasMore: true}, nil
	}
	return Page{Entries: entries}, nil
}

func (r *Reader) read(ctx context.Context, day clock.Day, offset, limit int64) (entries []ranking.Entry, err error) {
	if r.hasBoard(day) {
		entries, complete, err := r.board.Top(ctx, day, offset, limit)
		if err == nil && complete {
			r.fromBoard.Add(1)
			return entries, nil
		}
		r.log.DebugContext(ctx, "reading the ranking from the database", "day", day, "complete", complete, "error", err)
	}
	r.fromDatabase.Add(1)
	err = r.db.View(ctx, func(tx store.Tx) error {
		weights, err := ranking.ReadSchedule(ctx, tx.Weights)
		if err != nil {
			return err
		}
		entries, err = tx.Ranking.Top(ctx, weights, day, offset, limit)
		return err
	})
	return entries, err
}

// hasBoard reports whether the board of the day has not expired.
func (r *Reader) hasBoard(day clock.Day) bool { return r.now().Before(ranking.Expiry(day)) }

// Rank returns the rank of a product on a day, or nil if it has none or the board
// cannot be read.
func (r *Reader) Rank(ctx context.Context, day clock.Day, productID int64) *int64 {
	if !r.hasBoard(day) || day > clock.DayOf(r.now()) {
		return nil
	}
	rank, err := r.board.Rank(ctx, day, productID)
	if err != nil {
		r.log.DebugContext(ctx, "the rank cannot be read", "day", day, "product", productID, "error", err)
	}
	return rank
}

// Reads returns how many pages were read from the board, and how many from the
// database.
func (r *Reader) Reads() (board, database int64) { return r.fromBoard.Load(), r.fromDatabase.Load() }
