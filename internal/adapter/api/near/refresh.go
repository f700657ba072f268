package near

import (
	"context"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

const (
	// refreshEvery is the pause between two refreshes, less up to a fifth.
	refreshEvery = MaxAge / 2
	// patience is how often a product is refreshed that nobody asks for: to refresh it
	// with a thousand others costs less than a twentieth of what it costs to read it alone.
	patience = 20
	// mostRefreshed bounds one refresh. Those that were asked for since the last one go first.
	mostRefreshed = 20_000
)

// Run refreshes what is asked for until ctx ends.
func (p *Products) Run(ctx context.Context) error {
	failing := outage.New(p.config.Log, "refresh the near cache")
	for backoff.Wait(ctx, refreshEvery-time.Duration(p.config.Random()*float64(refreshEvery/5))) {
		if err := panics.Caught(func() error { return p.refresh(ctx) }); err == nil {
			failing.Recovered()
		} else if ctx.Err() == nil {
			failing.Failed(err)
		}
	}
	return nil
}

// candidate is an entry that is to be refreshed.
type candidate struct {
	pid   int64
	entry *entry
}

func (p *Products) refresh(ctx context.Context) error {
	all := p.candidates()
	p.oldest.Store(p.highestAge(all))
	for len(all) > 0 {
		n := min(len(all), atOnce)
		if err := p.confirm(ctx, all[:n]); err != nil {
			return err // the entries grow old, and are read when somebody asks for them
		}
		all = all[n:]
	}
	return nil
}

// candidates returns the entries to refresh, those that were asked for since the last time first.
func (p *Products) candidates() []candidate {
	now := p.ages.now()
	var asked, other []candidate
	for pid, e := range p.kept.All() {
		left := e.left.Load()
		switch {
		case left <= 0 || e.shown.Load() == nil: // what does not exist is not refreshed
			continue
		case now > e.until:
			p.forget(pid, e)
			continue
		case left == patience:
			asked = append(asked, candidate{pid, e})
		default:
			other = append(other, candidate{pid, e})
		}
		e.left.Add(-1)
	}
	all := slices.Concat(asked, other)
	return all[:min(len(all), mostRefreshed)]
}

func (p *Products) highestAge(all []candidate) (age int64) {
	now := p.ages.now()
	for _, c := range all {
		age = max(age, now-c.entry.asOf.Load())
	}
	return age
}

// confirm asks the database whether the entries are still true. It writes new numbers into
// them, and drops those whose facts have changed.
func (p *Products) confirm(ctx context.Context, all []candidate) error {
	ctx, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	ids := make([]int64, len(all))
	for i, c := range all {
		ids[i] = c.pid
	}
	asOf := p.ages.now() // before the read
	hot, err := p.reader.Hot(ctx, ids)
	if err != nil {
		return err
	}
	ranks := p.reader.Ranks(ctx, ids)
	for _, c := range all {
		h, there := hot[c.pid]
		if !there || !p.renew(c.entry, h, ranks[c.pid], asOf) {
			p.Stale.Add(1)
			p.forget(c.pid, c.entry)
		}
	}
	return nil
}

// renew brings an entry up to date. It reports false if that takes more than numbers.
func (p *Products) renew(e *entry, h product.Hot, rank, asOf int64) bool {
	s := e.shown.Load()
	if s.of.Version != h.Version {
		return false
	}
	if s.of.Stock != h.Stock || s.of.LikeCount != h.LikeCount || s.rank != rank {
		v := s.of
		v.Stock, v.LikeCount = h.Stock, h.LikeCount
		next, err := p.show(v, rank)
		if err != nil {
			return false
		}
		e.shown.Store(next)
	}
	e.asOf.Store(asOf)
	return true
}
