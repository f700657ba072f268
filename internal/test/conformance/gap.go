package conformance

import (
	"context"
	"maps"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/store"
)

func gapTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a day is open from its note until it is closed":          gapsOpenAndClose,
		"a day that is noted again while it is built is open":     gapsOutliveABuild,
		"a note that is rolled back is none, old ones are purged": gapsRolledBackAndPurged,
	}
}

func (s *shop) openGaps() map[clock.Day]int64 {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (map[clock.Day]int64, error) { return tx.Gaps.Open(ctx) })
}

func (s *shop) demandOpen(want ...clock.Day) {
	s.Helper()
	got := maps.Clone(s.openGaps())
	for _, day := range want {
		if got[day] == 0 {
			s.Errorf("%s is not open", day)
		}
		delete(got, day)
	}
	if len(got) > 0 {
		s.Errorf("also open is %v", got)
	}
}

func gapsOpenAndClose(s *shop) {
	s.demandOpen()
	s.queue(func(tx store.Tx) { tx.Gaps.Note([]clock.Day{20260301, 20260302}) })
	s.demandOpen(20260301, 20260302)
	version := s.openGaps()[20260302]
	s.queue(func(tx store.Tx) { tx.Gaps.Close(20260302, version) })
	s.demandOpen(20260301)
	s.queue(func(tx store.Tx) { tx.Gaps.Close(20260302, version); tx.Gaps.Close(20260309, 1) })
	s.demandOpen(20260301)
	s.queue(func(tx store.Tx) { tx.Gaps.Note([]clock.Day{20260302}) })
	s.demandOpen(20260301, 20260302)
}

func gapsOutliveABuild(s *shop) {
	s.queue(func(tx store.Tx) { tx.Gaps.Note([]clock.Day{20260301}) })
	seen := s.openGaps()[20260301]
	s.queue(func(tx store.Tx) { tx.Gaps.Note([]clock.Day{20260301}) })
	s.queue(func(tx store.Tx) { tx.Gaps.Close(20260301, seen) })
	s.demandOpen(20260301)
	newest := s.openGaps()[20260301]
	s.queue(func(tx store.Tx) { tx.Gaps.Close(20260301, newest) })
	s.queue(func(tx store.Tx) { tx.Gaps.Close(20260301, seen) }) // of a build that was slow to say so
	s.demandOpen()
}

func gapsRolledBackAndPurged(s *shop) {
	s.queue(func(tx store.Tx) { tx.Gaps.Note([]clock.Day{20260301, 20260302}) })
	err := s.db.Update(s.Context(), func(tx store.Tx) error {
		tx.Gaps.Note([]clock.Day{20260303})
		return errCrash
	})
	s.equal(true, err != nil)
	s.queue(func(tx store.Tx) { tx.Gaps.Purge(20260302) })
	s.demandOpen(20260302)
}
