package leaderboard

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// DumpableBoard is a board that returns all its scores, by product: those of the
// day alone, and the live ones.
type DumpableBoard interface {
	Dump(ctx context.Context, day clock.Day) (own, live map[int64]int64, err error)
	// Scores is Dump for some products.
	Scores(ctx context.Context, day clock.Day, productIDs []int64) (own, live map[int64]int64, err error)
}

// Verifier compares the board with the database.
type Verifier struct {
	db    store.DB
	board DumpableBoard
	now   clock.Clock
	log   *slog.Logger
}

// NewVerifier returns a verifier.
func NewVerifier(db store.DB, board DumpableBoard, now clock.Clock, log *slog.Logger) *Verifier {
	return &Verifier{db: db, board: board, now: now, log: log}
}

// Report is the result of a comparison.
type Report struct {
	Days        []clock.Day  `json:"days"`     // those that have a board
	Compared    int64        `json:"compared"` // scores
	Differences []Difference `json:"differences"`
}

// Difference is a score that is not the same on the board and in the database.
type Difference struct {
	ProductID int64     `json:"productId"`
	Day       clock.Day `json:"day"`
	What      string    `json:"what"` // "own" or "live"
	// Want is the score by the database, and Got that of the board, in micro points;
	// null where the product should have, or has, no score.
	Want *int64 `json:"want"`
	Got  *int64 `json:"got"`
}

// A difference may be a write in progress. It is reported if it is still there
// after so many more comparisons, with so much time in between.
const (
	retries  = 5
	interval = 200 * time.Millisecond
)

// Verify compares every score of the days, in both directions. It skips days
// whose board has expired and days in the future.
func (v *Verifier) Verify(ctx context.Context, days []clock.Day) (Report, error) {
	report := Report{Days: []clock.Day{}, Differences: []Difference{}} // in JSON a list, also where there is nothing
	kept := ranking.OnBoard(v.now())
	for _, day := range days {
		if day < kept[0] || day > clock.DayOf(v.now()) {
			continue
		}
		compared, differences, err := v.day(ctx, day)
		if err != nil {
			return report, fmt.Errorf("verify the board of %s: %w", day, err)
		}
		report.Days = append(report.Days, day)
		report.Compared += compared
		report.Differences = append(report.Differences, differences...)
	}
	return report, nil
}

func (v *Verifier) day(ctx context.Context, day clock.Day) (compared int64, found []Difference, err error) {
	got, err := scoresOf(v.board.Dump(ctx, day))
	if err != nil {
		return 0, nil, err
	}
	want, err := v.wanted(ctx, day)
	if err != nil {
		return 0, nil, err
	}
	compared, found = compare(day, want, got)
	for range retries {
		if len(found) == 0 {
			break
		}
		v.log.DebugContext(ctx, "comparing again the scores that differ", "day", day, "scores", len(found))
		if !backoff.Wait(ctx, interval) {
			return compared, nil, ctx.Err()
		}
		if found, err = v.compareAgain(ctx, day, found); err != nil {
			return compared, nil, err
		}
	}
	return compared, found, nil
}

// scores are those that a board has or should have, by product.
type scores struct{ own, live map[int64]int64 }

func scoresOf(own, live map[int64]int64, err error) (scores, error) { return scores{own, live}, err }

// wanted computes a day's board from the database.
func (v *Verifier) wanted(ctx context.Context, day clock.Day) (scores, error) {
	want := scores{make(map[int64]int64), make(map[int64]int64)}
	return want, v.db.View(ctx, func(tx store.Tx) error {
		weights, err := ranking.ReadSchedule(ctx, tx.Weights)
		if err != nil {
			return err
		}
		return products(ctx, tx.Metrics, day.Add(-ranking.Window), day, func(_ int64, rows []metric.Counters) error {
			want.put(weights.Score(day, rows))
			return nil
		})
	})
}

func (s scores) put(score ranking.Score) {
	if score.Own != 0 {
		s.own[score.ProductID] = score.Own
	}
	if score.Ranked() {
		s.live[score.ProductID] = score.Live
	}
}

// compareAgain reads the products that differed again, from both sides.
func (v *Verifier) compareAgain(ctx context.Context, day clock.Day, found []Difference) ([]Difference, error) {
	var left []Difference
	for part := range slices.Chunk(found, flushSize) {
		ids := make([]int64, len(part))
		for i, d := range part {
			ids[i] = d.ProductID
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
		want, err := v.wantedOf(ctx, day, ids)
		if err != nil {
			return nil, err
		}
		got, err := scoresOf(v.board.Scores(ctx, day, ids))
		if err != nil {
			return nil, err
		}
		_, still := compare(day, want, got)
		left = append(left, still...)
	}
	return left, nil
}

func (v *Verifier) wantedOf(ctx context.Context, day clock.Day, ids []int64) (scores, error) {
	byProduct := make(map[int64][]metric.Counters, len(ids))
	var weights ranking.Schedule
	err := v.db.View(ctx, func(tx store.Tx) (err error) {
		if weights, err = ranking.ReadSchedule(ctx, tx.Weights); err != nil {
			return err
		}
		rows, err := tx.Metrics.Of(ctx, ids, day.Add(-ranking.Window), day)
		for _, c := range rows {
			byProduct[c.ProductID] = append(byProduct[c.ProductID], c)
		}
		return err
	})
	want := scores{make(map[int64]int64), make(map[int64]int64)}
	for _, rows := range byProduct {
		want.put(weights.Score(day, rows))
	}
	return want, err
}

// compare returns how many scores there are on either side, and those that are
// not the same on both, in order of product.
func compare(day clock.Day, want, got scores) (compared int64, found []Difference) {
	for _, side := range []struct {
		what      string
		want, got map[int64]int64
	}{{"own", want.own, got.own}, {"live", want.live, got.live}} {
		all := maps.Clone(side.want)
		maps.Copy(all, side.got)
		compared += int64(len(all))
		for pid := range all {
			d := Difference{pid, day, side.what, value(side.want, pid), value(side.got, pid)}
			if d.Want == nil || d.Got == nil || *d.Want != *d.Got {
				found = append(found, d)
			}
		}
	}
	slices.SortFunc(found, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.ProductID, b.ProductID), cmp.Compare(a.What, b.What))
	})
	return compared, found
}

func value(m map[int64]int64, pid int64) *int64 {
	v, ok := m[pid]
	if !ok {
		return nil
	}
	return &v
}
