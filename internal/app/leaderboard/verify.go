package leaderboard

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// ScannableBoard is a board all of whose scores can be read.
type ScannableBoard interface {
	// Each calls yield with every score of a day: what is "own" or "live". A score
	// may come twice. An error of yield ends it and is returned.
	Each(ctx context.Context, day clock.Day, yield func(what string, productID, score int64) error) error
	// Scores returns the scores of some products.
	Scores(ctx context.Context, day clock.Day, productIDs []int64) (own, live map[int64]int64, err error)
}

// Verifier compares the board with the database: first by checksums of groups of
// products, then product by product in the groups that differ. So it needs little
// memory, however many products there are.
type Verifier struct {
	db    store.DB
	board ScannableBoard
	marks BoardChecker // nil: the marks are not checked
	now   clock.Clock
	log   *slog.Logger
}

// NewVerifier returns a verifier.
func NewVerifier(db store.DB, board ScannableBoard, now clock.Clock, log *slog.Logger) *Verifier {
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
	// What is "own" or "live", or "mark" and the reason why readers do not use the board;
	// then the product is 0.
	What string `json:"what"`
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
// whose board has expired and days in the future. It calls progress, if it is not nil,
// with the number of products that it has read from the database, after each few thousand
// products or scores that it has looked at on either side.
func (v *Verifier) Verify(ctx context.Context, days []clock.Day, progress func(products int64)) (Report, error) {
	report := Report{Days: v.withBoard(days), Differences: []Difference{}} // in JSON a list, also where there is nothing
	if len(report.Days) == 0 {
		return report, nil
	}
	var err error
	if report.Differences, err = v.unmarked(ctx, report.Days); err != nil {
		return report, fmt.Errorf("read the marks of the boards: %w", err)
	}
	if report.Differences == nil {
		report.Differences = []Difference{}
	}
	running := &verification{Verifier: v, progress: progress}
	want, err := running.wanted(ctx, report.Days, maphash.MakeSeed())
	if err != nil {
		return report, fmt.Errorf("read the counters: %w", err)
	}
	for i, day := range report.Days {
		compared, differences, err := running.day(ctx, day, want[i])
		if err != nil {
			return report, fmt.Errorf("verify the board of %s: %w", day, err)
		}
		report.Compared += compared
		report.Differences = append(report.Differences, differences...)
	}
	return report, nil
}

// verification is one run of Verify.
type verification struct {
	*Verifier

	progress func(products int64)
	read     int64 // products, for the checksums
	looked   int64 // at products and scores
}

// tell says that the verification goes on.
func (v *verification) tell() {
	if v.progress != nil {
		v.progress(v.read)
	}
}

// look counts what was looked at.
func (v *verification) look() {
	v.looked++
	if v.looked%flushSize == 0 {
		v.tell()
	}
}

// withBoard returns the days that have a board.
func (v *Verifier) withBoard(days []clock.Day) []clock.Day {
	first, today := ranking.OnBoard(v.now())[0], clock.DayOf(v.now())
	kept := make([]clock.Day, 0, len(days))
	for _, day := range days {
		if day >= first && day <= today {
			kept = append(kept, day)
		}
	}
	return kept
}

// wanted returns the checksums that the boards of the days should have. It reads the
// counters once, product by product.
func (v *verification) wanted(ctx context.Context, days []clock.Day, seed maphash.Seed) ([]*checksums, error) {
	want := make([]*checksums, len(days))
	for i := range want {
		want[i] = newChecksums(seed)
	}
	err := v.eachProduct(ctx, slices.Min(days), slices.Max(days), func(weights ranking.Schedule, rows []metric.Counters) {
		for i, day := range days {
			eachScore(weights.Score(day, rows), want[i].add)
		}
		v.read++
	})
	return want, err
}

// eachProduct calls see with the counters of one product after another that flow into the
// scores of the days.
func (v *verification) eachProduct(ctx context.Context, first, last clock.Day, see func(ranking.Schedule, []metric.Counters)) error {
	return v.db.View(ctx, func(tx store.Tx) error {
		weights, err := ranking.ReadSchedule(ctx, tx.Weights)
		if err != nil {
			return err
		}
		return products(ctx, tx.Metrics, first.Add(-ranking.Window), last, func(_ int64, rows []metric.Counters) error {
			see(weights, rows)
			v.look()
			return nil
		})
	})
}

// The kinds of scores.
const (
	own  = "own"
	live = "live"
)

// eachScore calls yield with the scores that a board has of a product.
func eachScore(s ranking.Score, yield func(what string, productID, score int64)) {
	if s.Own != 0 {
		yield(own, s.ProductID, s.Own)
	}
	if s.Ranked() {
		yield(live, s.ProductID, s.Live)
	}
}

// eachOnBoard calls yield with each score of a board.
func (v *verification) eachOnBoard(ctx context.Context, day clock.Day, yield func(what string, pid, score int64) error) error {
	return v.board.Each(ctx, day, func(what string, pid, score int64) error {
		v.look()
		return yield(what, pid, score)
	})
}

// day compares the board of a day.
func (v *verification) day(ctx context.Context, day clock.Day, want *checksums) (compared int64, found []Difference, err error) {
	got := newChecksums(want.seed)
	err = v.eachOnBoard(ctx, day, func(what string, pid, score int64) error {
		got.add(what, pid, score)
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	differ := want.differ(got)
	if len(differ) == 0 {
		return want.count, nil, nil
	}
	v.log.DebugContext(ctx, "checksums differ", "day", day, "groups", len(differ), "of", groups)
	if found, err = v.differences(ctx, day, differ); err != nil {
		return 0, nil, err
	}
	compared = want.count
	for _, d := range found {
		if d.Want == nil {
			compared++
		}
	}
	found, err = v.lasting(ctx, day, found)
	return compared, found, err
}
