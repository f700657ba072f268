// Package leaderboard reads the live rankings, and keeps the board that shows
// them in step with the database, where their truth is.
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

// Board shows rankings.
type Board interface {
	// Top returns the places offset+1 to offset+limit of a day, and whether the
	// board is whole: what is not may lack products.
	Top(ctx context.Context, day clock.Day, offset, limit int64) (top []ranking.Entry, whole bool, err error)
	// Rank returns the place of a product on a day; nil if it has none or the
	// board is not whole.
	Rank(ctx context.Context, day clock.Day, productID int64) (*int64, error)
}

// Reader reads rankings from the board, and from the database where the board
// does not have them. It is safe for concurrent use.
type Reader struct {
	db      store.DB
	board   Board
	weights ranking.Weights
	now     clock.Clock
	log     *slog.Logger

	fromBoard, fromDatabase atomic.Int64
}

// NewReader returns a reader. The weights are those that the board is made with.
func NewReader(db store.DB, board Board, weights ranking.Weights, now clock.Clock, log *slog.Logger) *Reader {
	return &Reader{db: db, board: board, weights: weights, now: now, log: log}
}

// Page is a part of a ranking.
type Page struct {
	Entries []ranking.Entry
	HasMore bool // whether there are places after these
}

// deepest is the last place that is read: nobody leafs so far, and its offset
// fits wherever it is passed.
const deepest = 1 << 40

// Read returns the number-th page, from 1, of a day's ranking. A day that has
// not begun and one on which nothing happened are empty. The only errors are
// the database's.
func (r *Reader) Read(ctx context.Context, day clock.Day, number, size int64) (Page, error) {
	if number < 1 || size < 1 || number > deepest/size || day > clock.DayOf(r.now()) {
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
	if r.shown(day) {
		entries, whole, err := r.board.Top(ctx, day, offset, limit)
		if err == nil && whole {
			r.fromBoard.Add(1)
			return entries, nil
		}
		r.log.DebugContext(ctx, "the board cannot tell the ranking", "day", day, "whole", whole, "error", err)
	}
	r.fromDatabase.Add(1)
	err = r.db.View(ctx, func(tx store.Tx) error {
		entries, err = tx.Ranking.Top(ctx, r.weights, day, offset, limit)
		return err
	})
	return entries, err
}

// shown reports whether there is a board of the day.
func (r *Reader) shown(day clock.Day) bool { return r.now().Before(ranking.Expiry(day)) }

// Rank returns the place of a product in a day's ranking, or nil if it has none
// or the board cannot tell.
func (r *Reader) Rank(ctx context.Context, day clock.Day, productID int64) *int64 {
	if !r.shown(day) || day > clock.DayOf(r.now()) {
		return nil
	}
	rank, err := r.board.Rank(ctx, day, productID)
	if err != nil {
		r.log.DebugContext(ctx, "the board cannot tell the rank", "day", day, "product", productID, "error", err)
	}
	return rank
}

// Reads returns how many pages were read from the board, and how many from the
// database.
func (r *Reader) Reads() (board, database int64) { return r.fromBoard.Load(), r.fromDatabase.Load() }
