package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

func weightsTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"changes of weights come back as they were made, oldest first": weightsInOrder,
		"a change is never older than the one before":                  weightsGrowInTime,
		"changes made at once all have a place of their own":           weightsRace,
		"a change that is rolled back leaves no gap":                   weightsRolledBack,
	}
}

func (s *shop) changeWeights(c ranking.WeightsChange) int64 {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (int64, error) { return tx.Weights.Add(ctx, c) })
}

func (s *shop) weightsChanges() []ranking.WeightsChange {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) ([]ranking.WeightsChange, error) {
		return tx.Weights.Changes(ctx)
	})
}

// someWeights are a change without an id.
func someWeights(n int64) ranking.WeightsChange {
	return ranking.WeightsChange{
		Weights: ranking.Weights{View: n, Like: 2 * n, Order: 3 * n, Carry: n}, At: noon(), Actor: "mina", Reason: "조회를 더 본다",
	}
}

func weightsInOrder(s *shop) {
	s.equal(0, len(s.weightsChanges()))
	var want []ranking.WeightsChange
	for n := range int64(3) {
		c := someWeights(n + 1)
		c.At = c.At.Add(time.Duration(n) * time.Hour)
		c.ID = s.changeWeights(c)
		s.equal(n+1, c.ID)
		want = append(want, c)
	}
	s.equal(want, s.weightsChanges())
}

func weightsGrowInTime(s *shop) {
	s.changeWeights(someWeights(1))
	early := someWeights(2)
	early.At = early.At.Add(-time.Hour) // by a clock that is behind
	s.changeWeights(early)
	late := someWeights(3)
	late.At = late.At.Add(time.Microsecond)
	s.changeWeights(late)
	got := s.weightsChanges()
	s.equal([]time.Time{noon(), noon(), noon().Add(time.Microsecond)}, []time.Time{got[0].At, got[1].At, got[2].At})
}

func weightsRace(s *shop) {
	s.atOnce(6, nil, func(ctx context.Context, tx store.Tx, i int) error {
		_, err := tx.Weights.Add(ctx, someWeights(int64(i)+1))
		return err
	})
	seen := map[int64]bool{}
	for i, c := range s.weightsChanges() {
		s.equal(int64(i)+1, c.ID)
		seen[c.Weights.View] = true
	}
	s.equal(6, len(seen))
}

func weightsRolledBack(s *shop) {
	s.changeWeights(someWeights(1))
	s.refuses(errBoom, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Weights.Add(ctx, someWeights(2)); err != nil {
			return err
		}
		return errBoom
	})
	s.equal(int64(2), s.changeWeights(someWeights(3)))
	s.equal(2, len(s.weightsChanges()))
}
