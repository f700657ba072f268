package leaderboard

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// WritableBoard is a board that can be made anew while others read it and write to it.
// Fill and Finish end in ranking.ErrSuperseded when somebody else has begun.
type WritableBoard interface {
	// Begin starts to make a day's board, and returns a token for the rest.
	// Until Finish the board is not whole. The database must be read after it.
	Begin(ctx context.Context, day clock.Day, builder string) (token string, err error)
	// Fill writes scores, each product at most once.
	Fill(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error
	// Finish removes what nobody wrote since Begin and marks the board whole,
	// as made with the stamp.
	Finish(ctx context.Context, day clock.Day, token, stamp string) error
}

// Builder makes boards from the database. What it makes is right even beside
// live writers: scores carry versions, so that an older one never replaces a
// newer. Use one per part of a program.
type Builder struct {
	db      store.DB
	board   WritableBoard
	weights ranking.Weights
	now     clock.Clock
	name    string
	log     *slog.Logger
}

// NewBuilder returns a builder. Its name tells it from all others that may work
// on the same boards at the same time.
func NewBuilder(db store.DB, works WritableBoard, weights ranking.Weights, now clock.Clock, name string, log *slog.Logger) *Builder {
	return &Builder{db: db, board: works, weights: weights, now: now, name: name, log: log}
}

// Stamp says which weights a board was made with.
func Stamp(w ranking.Weights) string {
	return fmt.Sprintf("%d/%d/%d/%d", w.View, w.Like, w.Order, w.Carry)
}

// portion is how many scores are gathered before they are written.
const portion = 1000

// Rebuild makes the boards of the days anew from the database; progress, if not
// nil, is told of every score written. Days whose boards have expired are passed
// over. It ends in ranking.ErrSuperseded if somebody else begins to make one of
// the boards meanwhile: then theirs is the one that counts.
func (b *Builder) Rebuild(ctx context.Context, days []clock.Day, progress func(day clock.Day, written int64)) error {
	w := rebuild{Builder: b, progress: progress, open: make(map[clock.Day]*dayBuild)}
	for _, day := range days {
		if !b.now().Before(ranking.Expiry(day)) || w.open[day] != nil {
			continue
		}
		token, err := b.board.Begin(ctx, day, b.name)
		if err != nil {
			return fmt.Errorf("begin the board of %s: %w", day, err)
		}
		w.days = append(w.days, day)
		w.open[day] = &dayBuild{token: token}
	}
	if len(w.days) == 0 {
		return nil
	}
	if err := w.fill(ctx); err != nil {
		return fmt.Errorf("fill the boards: %w", err)
	}
	var written int64
	for _, day := range w.days {
		if err := b.board.Finish(ctx, day, w.open[day].token, Stamp(b.weights)); err != nil {
			return fmt.Errorf("finish the board of %s: %w", day, err)
		}
		written += w.open[day].written
	}
	b.log.InfoContext(ctx, "made boards", "days", len(w.days), "scores", written)
	return nil
}

// rebuild is one run of Rebuild.
type rebuild struct {
	*Builder
	progress func(day clock.Day, written int64)
	days     []clock.Day
	open     map[clock.Day]*dayBuild
}

// dayBuild is a board in the making.
type dayBuild struct {
	token   string
	scores  []ranking.Score // gathered, not yet written
	written int64
}

// fill reads the counters once, product by product, and writes every score that
// they make.
func (w *rebuild) fill(ctx context.Context) error {
	first, last := slices.Min(w.days).Add(-ranking.Window), slices.Max(w.days)
	err := w.db.View(ctx, func(tx store.Tx) error {
		return products(ctx, tx.Metrics, first, last, func(pid int64, rows []metric.Counters) error {
			return w.product(ctx, pid, rows)
		})
	})
	if err != nil {
		return err
	}
	for _, day := range w.days {
		if err := w.flush(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

// products calls yield with the counters of one product after another.
func products(ctx context.Context, t metric.Table, first, last clock.Day, yield func(pid int64, rows []metric.Counters) error) error {
	var rows []metric.Counters
	err := t.All(ctx, first, last, func(c metric.Counters) error {
		if len(rows) > 0 && rows[0].ProductID != c.ProductID {
			if err := yield(rows[0].ProductID, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
		rows = append(rows, c)
		return nil
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	return yield(rows[0].ProductID, rows)
}

func (w *rebuild) product(ctx context.Context, pid int64, rows []metric.Counters) error {
	for _, day := range w.days {
		s := w.weights.Score(day, rows)
		if s.ProductID != pid { // nothing was counted that flows into the day
			continue
		}
		at := w.open[day]
		if at.scores = append(at.scores, s); len(at.scores) < portion {
			continue
		}
		if err := w.flush(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

// flush writes what was gathered for a day.
func (w *rebuild) flush(ctx context.Context, day clock.Day) error {
	at := w.open[day]
	if err := w.board.Fill(ctx, day, at.token, at.scores); err != nil {
		return err
	}
	at.written += int64(len(at.scores))
	at.scores = at.scores[:0]
	if w.progress != nil {
		w.progress(day, at.written)
	}
	return nil
}
