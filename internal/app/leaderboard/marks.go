package leaderboard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// markTime is how long a board may be incomplete before Verify reports it: the reconciler
// looks every second.
const markTime = 3 * time.Second

// CheckMarks makes Verify report the days whose board readers do not use, because it is not
// complete: as a difference of product 0.
func (v *Verifier) CheckMarks(board BoardChecker) *Verifier {
	v.marks = board
	return v
}

// unmarked returns a difference for each day whose board stays incomplete. A board that is
// being built is none.
func (v *Verifier) unmarked(ctx context.Context, days []clock.Day) (found []Difference, err error) {
	if v.marks == nil {
		return nil, nil
	}
	var reasons map[clock.Day]string
	for range int(markTime/interval) + 1 {
		if reasons, err = incomplete(ctx, v.db, v.marks, "", days); err != nil || len(reasons) == 0 {
			return nil, err
		}
		if !backoff.Wait(ctx, interval) {
			return nil, ctx.Err()
		}
	}
	one := int64(1)
	for _, day := range slices.Sorted(maps.Keys(reasons)) {
		found = append(found, Difference{Day: day, What: fmt.Sprintf("mark (%s)", reasons[day]), Want: &one})
	}
	return found, nil
}
