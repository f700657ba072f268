package rollup_test

import (
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/ranktest"
)

// mend runs the steps that mend, and returns the periods that were published again.
func (s *env) mend(first, last clock.Day) (changed []string) {
	s.Helper()
	before := s.runs()
	r := &ranktest.Run{DB: s.db, ID: s.ids(), At: s.clock(), Job: batch.Job{
		Plan: func(job.Parameters) ([]batch.Step, error) {
			return s.service.Mend(func() (clock.Day, clock.Day) { return first, last }), nil
		},
	}}
	if err := r.Do(s.Context(), nil); err != nil {
		s.Fatal(err)
	}
	for p, run := range s.runs() {
		if before[p] != run {
			changed = append(changed, p.Key())
		}
	}
	return changed
}

func TestMendPublishesAgainWhatIsWrongAndNothingElse(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, s *env) {
		t.Helper()
		for pid := range int64(5) {
			s.views(pid+1, today.Add(-7), pid+1)
		}
		s.runAll()
		want := s.published()
		if changed := s.mend(today.Add(-30), today); changed != nil {
			t.Errorf("all was right, and yet %v were published again", changed)
		}
		week := ranking.PeriodOf(ranking.Weekly, today.Add(-7))
		s.forge(week, 2)
		if changed := s.mend(today, today); changed != nil {
			t.Errorf("%v are not of these days", changed)
		}
		if changed := s.mend(today.Add(-30), today); len(changed) != 1 || changed[0] != week.Key() {
			t.Errorf("published again: %v", changed)
		}
		for p, rows := range s.published() {
			if len(rows) != len(want[p]) || len(rows) > 0 && rows[0] != want[p][0] {
				t.Errorf("%s: %v, want %v", p.Key(), rows, want[p])
			}
		}
		s.nothingLeft()
		s.views(9, today.Add(-7), 50)
		if changed := s.mend(today.Add(-7), today.Add(-7)); len(changed) != 3 { // its day, week and month
			t.Errorf("a late event: %v", changed)
		}
	})
}

func TestMendPublishesWhatIsMissingAndLeavesWhatIsNoLongerKnown(t *testing.T) {
	t.Parallel()
	s := onSQLite(t)
	s.views(1, today.Add(-1), 3)
	if changed := s.mend(today.Add(-1), today.Add(-1)); len(changed) != 3 {
		t.Errorf("published: %v", changed)
	}
	s.set(s.clock().Add(24 * time.Hour))
	s.rollUp(202603)
	if changed := s.mend(today.Add(-1), today.Add(-1)); len(changed) != 0 {
		t.Errorf("published again without counters: %v", changed)
	}
	err := s.service.Verify(t.Context(), ranking.Monthly, today, today, func(v rollup.Verdict) error {
		if !v.Unknown {
			t.Errorf("%+v", v)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// rollUp adds the days of a month to the month.
func (s *env) rollUp(m metric.Month) {
	s.Helper()
	err := s.db.Update(s.Context(), func(tx store.Tx) error {
		_, _, err := tx.Months.RollUp(s.Context(), m, 0, 100)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
}
