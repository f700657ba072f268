package rollup

import (
	"context"
	"fmt"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// Verdict is the result of comparing a period with its counters.
type Verdict struct {
	Period ranking.Period
	// Missing reports whether the period is not published.
	Missing bool
	// Stale reports whether counters or weights have changed since it was published.
	// Then it may differ: the next run computes it anew.
	Stale bool
	// Unknown reports whether the daily counters of the period are no longer kept. Its
	// ranking stays as it was published, and cannot be compared.
	Unknown bool
	Rows    int64    // that are published
	Named   int64    // the number of rows that the publication says it has
	Changes []Change // from what is published to what the counters say
}

// Wrong reports whether the rows differ from the counters that they were computed from.
// That happens to no ranking unless somebody changes rows by hand, or by a bug.
func (v Verdict) Wrong() bool {
	return !v.Stale && !v.Missing && (len(v.Changes) > 0 || v.Named != v.Rows)
}

// Due reports whether a run of the period's job publishes it: it is missing or stale.
func (v Verdict) Due() bool { return v.Missing || v.Stale }

// Verify compares the rankings of a kind whose periods overlap the days with the
// counters, and calls yield with the verdict of each, oldest first. Checksums are
// compared first, and rows only where those differ.
func (s *Service) Verify(ctx context.Context, kind ranking.Kind, first, last clock.Day, yield func(Verdict) error) error {
	today := clock.DayOf(s.config.Clock())
	for _, p := range (options{first: first, last: last}).selection(kind, today) {
		v, err := s.verdict(ctx, p)
		if err == nil {
			err = yield(v)
		}
		if err != nil {
			return fmt.Errorf("verify %s: %w", p.Key(), err)
		}
	}
	return nil
}

// verdict compares one period. All reads see the same commits.
func (s *Service) verdict(ctx context.Context, p ranking.Period) (v Verdict, err error) {
	err = s.config.DB.Snapshot(ctx, func(tx store.Tx) error {
		v, err = s.judge(ctx, tx, p)
		return err
	})
	return v, err
}

func (s *Service) judge(ctx context.Context, tx store.Tx, p ranking.Period) (v Verdict, err error) {
	v.Period = p
	b, err := s.book(ctx, tx)
	if err != nil {
		return v, err
	}
	if v.Unknown = !b.known(p); v.Unknown {
		return v, nil
	}
	found, err := tx.Published.Currents(ctx, p.Kind, p.First, p.First)
	if err != nil {
		return v, err
	}
	if len(found) == 0 {
		first, last := p.Counted()
		v.Missing = b.changes.Sum(first, last) > 0
		return v, nil
	}
	published := found[0]
	v.Stale = !b.fresh(published)
	have, want, err := tx.Rollup.Compare(ctx, published, b.schedule, published.Limit)
	v.Rows, v.Named = have.Rows, published.Rows
	if err != nil || have == want {
		return v, err
	}
	v.Changes, _, err = compare(ctx, tx, p, b.schedule, published.Limit)
	return v, err
}
