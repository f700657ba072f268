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

// WritableBoard is a board that can be rebuilt while others read it and write to
// it. Fill and Finish end in ranking.ErrSuperseded when another builder has begun.
type WritableBoard interface {
	// Begin begins to build a day's board, and returns a token for the other
	// methods. Until Finish the board is not complete. Read the database after it.
	// From now on the board takes no scores by weights of an earlier generation.
	Begin(ctx context.Context, day clock.Day, builder string, generation int64) (token string, err error)
	// Fill writes scores, each product at most once.
	Fill(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error
	// Finish removes scores that nobody has written since Begin, and marks the
	// board complete, as built with the stamp.
	Finish(ctx context.Context, day clock.Day, token, stamp string) error
}

// Builder builds boards from the database. They are right even if others write to
// them at the same time: scores have versions, and an older one never replaces a
// newer one. Each part of a program uses a builder of its own.
type Builder struct {
	db    store.DB
	board WritableBoard
	now   clock.Clock
	name  string
	log   *slog.Logger
}

// NewBuilder returns a builder. Its name is unique among the builders that may
// build the same boards at the same time.
func NewBuilder(db store.DB, board WritableBoard, now clock.Clock, name string, log *slog.Logger) *Builder {
	return &Builder{db: db, board: board, now: now, name: name, log: log}
}

// schedule reads the weights.
func schedule(ctx context.Context, db store.DB) (s ranking.Schedule, err error) {
	err = db.View(ctx, func(tx store.Tx) (err error) {
		s, err = ranking.ReadSchedule(ctx, tx.Weights)
		return err
	})
	return s, err
}

// flushSize is how many scores are collected before they are written.
const flushSize = 1000

// Rebuild builds the boards of the days again from the database. It calls
// progress, if it is not nil, whenever scores were written. Days whose boards
// have expired are skipped. It ends in ranking.ErrSuperseded if another builder
// begins one of the boards in the meantime: then the other build wins.
func (b *Builder) Rebuild(ctx context.Context, days []clock.Day, progress func(day clock.Day, written int64)) error {
	return b.rebuild(ctx, days, progress, func() error { return nil })
}

// rebuild is Rebuild that calls step after each small step.
func (b *Builder) rebuild(ctx context.Context, days []clock.Day, progress func(clock.Day, int64), step func() error) error {
	weights, err := schedule(ctx, b.db)
	if err != nil {
		return fmt.Errorf("read the weights: %w", err)
	}
	w := rebuild{builder: b, weights: weights, progress: progress, step: step, open: make(map[clock.Day]*dayBuild)}
	if err := w.begin(ctx, days); err != nil || len(w.days) == 0 {
		return err
	}
	if err := w.fill(ctx); err != nil {
		return fmt.Errorf("fill the boards: %w", err)
	}
	return w.finish(ctx)
}

// rebuild is one run of Rebuild.
type rebuild struct {
	builder  *Builder
	weights  ranking.Schedule
	progress func(day clock.Day, written int64)
	step     func() error
	days     []clock.Day
	open     map[clock.Day]*dayBuild
}

func (w *rebuild) begin(ctx context.Context, days []clock.Day) error {
	for _, day := range days {
		if !w.builder.now().Before(ranking.Expiry(day)) || w.open[day] != nil {
			continue
		}
		token, err := w.builder.board.Begin(ctx, day, w.builder.name, w.weights.Generation(day))
		if err == nil {
			err = w.step()
		}
		if err != nil {
			return fmt.Errorf("begin the board of %s: %w", day, err)
		}
		w.days = append(w.days, day)
		w.open[day] = &dayBuild{token: token}
	}
	return nil
}

func (w *rebuild) finish(ctx context.Context) error {
	var written int64
	for _, day := range w.days {
		err := w.builder.board.Finish(ctx, day, w.open[day].token, w.weights.Stamp(day))
		if err == nil {
			err = w.step()
		}
		if err != nil {
			return fmt.Errorf("finish the board of %s: %w", day, err)
		}
		written += w.open[day].written
	}
	w.builder.log.InfoContext(ctx, "rebuilt boards", "days", len(w.days), "scores", written)
	return nil
}

// dayBuild is a board that is being built.
type dayBuild struct {
	token   string
	scores  []ranking.Score // collected, not yet written
	written int64
}

// fill reads the counters once, product by product, and writes all scores.
func (w *rebuild) fill(ctx context.Context) error {
	first, last := slices.Min(w.days).Add(-ranking.Window), slices.Max(w.days)
	err := w.builder.db.View(ctx, func(tx store.Tx) error {
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
		if at.scores = append(at.scores, s); len(at.scores) < flushSize {
			continue
		}
		if err := w.flush(ctx, day); err != nil {
			return err
		}
	}
	return w.step()
}

// flush writes the scores that were collected for a day.
func (w *rebuild) flush(ctx context.Context, day clock.Day) error {
	at := w.open[day]
	if err := w.builder.board.Fill(ctx, day, at.token, at.scores); err != nil {
		return err
	}
	at.written += int64(len(at.scores))
	at.scores = at.scores[:0]
	if w.progress != nil {
		w.progress(day, at.written)
	}
	return nil
}
