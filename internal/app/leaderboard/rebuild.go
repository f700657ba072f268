package leaderboard

import (
	"cmp"
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
// it. Fill and Finish end in ranking.ErrSuperseded when another builder has begun, and in
// ranking.ErrBuildLost when the board has lost a part of the build, or has given it up.
type WritableBoard interface {
	// Begin begins to build a day's board, and returns a token for the other
	// methods. Until Finish the board is not complete. Read the database after it.
	// From now on the board takes no scores by weights of an earlier generation.
	Begin(ctx context.Context, day clock.Day, builder string, generation int64) (token string, err error)
	// Fill writes scores, each product at most once. The build is given up if it is not
	// called for a minute; it may be called without scores.
	Fill(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error
	// Finish removes scores that nobody has written since Begin, and marks the
	// board complete, as built with the stamp. It calls step after each part of the products.
	Finish(ctx context.Context, day clock.Day, token, stamp string, step func() error) error
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

// flushSize is after how many products their scores are written.
const flushSize = 1000

// Rebuild builds the boards of the days again from the database, one after another, today
// first. A day that is finished stays so, whatever becomes of the next one. It calls
// progress, if it is not nil, after each few thousand products, with the number of scores that
// are written: to look for products to remove takes as long. Days whose boards have expired
// are skipped. It ends in ranking.ErrSuperseded if another builder begins the same board in
// the meantime: then the other build wins.
func (b *Builder) Rebuild(ctx context.Context, days []clock.Day, progress func(day clock.Day, written int64)) error {
	_, err := b.rebuild(ctx, days, progress, func() error { return nil })
	return err
}

// rebuild is Rebuild that calls step, too, after each small step. It returns how many days are
// finished.
func (b *Builder) rebuild(
	ctx context.Context, days []clock.Day, progress func(clock.Day, int64), step func() error,
) (finished int64, err error) {
	weights, err := schedule(ctx, b.db)
	if err != nil {
		return 0, fmt.Errorf("read the weights: %w", err)
	}
	var written int64
	for _, day := range b.inOrder(days) {
		d := dayBuild{builder: b, weights: weights, progress: progress, step: step, day: day}
		if err := d.build(ctx); err != nil {
			return finished, err
		}
		finished++
		written += d.written
	}
	if finished > 0 {
		b.log.InfoContext(ctx, "rebuilt boards", "days", finished, "scores", written)
	}
	return finished, nil
}

// inOrder returns the days whose boards have not expired, each once: today, which most
// readers want, the next one, and then back from yesterday.
func (b *Builder) inOrder(days []clock.Day) []clock.Day {
	today := clock.DayOf(b.now())
	kept := slices.Compact(slices.Sorted(slices.Values(days)))
	kept = slices.DeleteFunc(kept, func(day clock.Day) bool { return !b.now().Before(ranking.Expiry(day)) })
	rank := func(day clock.Day) int {
		switch {
		case day == today:
			return 0
		case day > today:
			return 1
		default:
			return 2 //nolint:mnd // a rank
		}
	}
	slices.SortStableFunc(kept, func(a, b clock.Day) int { return cmp.Or(rank(a)-rank(b), cmp.Compare(b, a)) })
	return kept
}

// dayBuild is one build of the board of a day.
type dayBuild struct {
	builder  *Builder
	weights  ranking.Schedule
	progress func(day clock.Day, written int64)
	step     func() error
	day      clock.Day

	token   string
	scores  []ranking.Score // collected, not yet written
	read    int             // products since scores were written last
	written int64
}

func (d *dayBuild) build(ctx context.Context) (err error) {
	board := d.builder.board
	gap, err := openGap(ctx, d.builder.db, d.day) // before the counters are read
	if err != nil {
		return err
	}
	if d.token, err = board.Begin(ctx, d.day, d.builder.name, d.weights.Generation(d.day)); err != nil {
		return fmt.Errorf("begin the board of %s: %w", d.day, err)
	}
	if err := d.tell(); err != nil {
		return err
	}
	if err = d.fill(ctx); err != nil {
		return fmt.Errorf("fill the board of %s: %w", d.day, err)
	}
	if err = board.Finish(ctx, d.day, d.token, d.weights.Stamp(d.day), d.tell); err != nil {
		return fmt.Errorf("finish the board of %s: %w", d.day, err)
	}
	if err := d.builder.closeGap(ctx, d.day, gap); err != nil {
		return err
	}
	return d.tell()
}

// tell says that the build goes on.
func (d *dayBuild) tell() error {
	if d.progress != nil {
		d.progress(d.day, d.written)
	}
	return d.step()
}

// fill reads the counters of the day's window, product by product, and writes all scores.
func (d *dayBuild) fill(ctx context.Context) error {
	err := d.builder.db.View(ctx, func(tx store.Tx) error {
		return products(ctx, tx.Metrics, d.day.Add(-ranking.Window), d.day, func(pid int64, rows []metric.Counters) error {
			return d.product(ctx, pid, rows)
		})
	})
	if err != nil {
		return err
	}
	return d.flush(ctx)
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

func (d *dayBuild) product(ctx context.Context, pid int64, rows []metric.Counters) error {
	if s := d.weights.Score(d.day, rows); s.ProductID == pid { // else nothing was counted that flows into the day
		d.scores = append(d.scores, s)
	}
	d.read++
	if d.read < flushSize {
		return nil
	}
	if err := d.flush(ctx); err != nil {
		return err
	}
	return d.tell()
}

// flush writes the scores that were collected. It renews the mark even if there are none.
func (d *dayBuild) flush(ctx context.Context) error {
	if err := d.builder.board.Fill(ctx, d.day, d.token, d.scores); err != nil {
		return err
	}
	d.written += int64(len(d.scores))
	d.scores, d.read = d.scores[:0], 0
	return nil
}
