package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/base/tracing"
	"github.com/loopers-commerce/commerce/internal/store"
)

// placeGroup places a group in one transaction, and waits for a row if it is not the zero
// row. If the group fails, each half of it is placed by itself, and so on: in the end the
// placement that is at fault fails alone. Those that were refused are judged again, too,
// because the refusal may rest on what was rolled back.
func (s *Service) placeGroup(group []*placement, wait row) {
	err := s.transact(group, wait)
	switch {
	case err == nil:
	case len(group) > 1 && divisible(err):
		middle := len(group) / 2
		s.placeGroup(group[:middle], wait)
		s.placeGroup(group[middle:], wait)
	default:
		for _, p := range group {
			p.err, p.blocked = err, row{}
		}
	}
}

// divisible reports whether a group that failed may be placed in parts: the transaction is
// not committed, and the database works.
func divisible(err error) bool {
	return !errors.Is(err, store.ErrCommitUnknown) && fault.KindOf(err) != fault.Unavailable &&
		!errors.Is(err, context.Canceled)
}

// transact runs the transaction of a group: one round trip to read and lock, and one to
// write and commit.
func (s *Service) transact(group []*placement, wait row) (err error) {
	ctx, done := wanted(group)
	defer done()
	ctx, span := traced(ctx, group)
	defer func() { span.End(err) }()
	needs, written := needsOf(group, wait), false
	err = panics.Caught(func() error {
		return s.db.Update(ctx, func(tx store.Tx) error {
			written = false
			found, err := tx.Group.Lock(ctx, needs)
			if err != nil {
				return err
			}
			sale := newSale(s, found, needs.Wait)
			for _, p := range group {
				sale.judge(p)
			}
			sale.write(tx)
			written = true
			return nil
		})
	})
	if _, panicked := errors.AsType[*panics.Error](err); panicked && written {
		err = fmt.Errorf("%w: %w", store.ErrCommitUnknown, err)
	}
	return err
}

// wanted returns a context that ends when those of all callers have ended. done releases
// it.
func wanted(group []*placement) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var callers atomic.Int64
	callers.Store(int64(len(group)))
	stops := make([]func() bool, len(group))
	for i, p := range group {
		stops[i] = context.AfterFunc(p.ctx, func() {
			if callers.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// keyOrders is the attribute with the number of orders in a group.
const keyOrders = "commerce.orders"

// traced begins the span of a group, within the trace of the first order that is
// recorded. The spans of the orders have links to it.
func traced(ctx context.Context, group []*placement) (context.Context, tracing.Span) {
	i := slices.IndexFunc(group, func(p *placement) bool { return tracing.Current(p.ctx) != tracing.Span{} })
	if i < 0 {
		return ctx, tracing.Span{}
	}
	ctx, span := tracing.Start(tracing.Into(ctx, group[i].ctx), "commit orders", tracing.Internal)
	span.Int(keyOrders, len(group))
	for _, p := range group[i+1:] {
		tracing.Current(p.ctx).Link(ctx)
	}
	return ctx, span
}

// needsOf returns what a group needs. It waits for the row, and for all rows of
// placements that were moved too often.
func needsOf(group []*placement, wait row) (n store.GroupNeeds) {
	wait.addTo(&n.Wait)
	for _, p := range group {
		if r := p.guard.Request(); r != nil {
			n.Keys = append(n.Keys, r.Key)
		}
		p.addRows(&n.GroupRows)
		if p.moves >= maxMoves {
			p.addRows(&n.Wait)
		}
	}
	return n
}

func (p *placement) addRows(rows *store.GroupRows) {
	for _, r := range p.rows {
		r.addTo(rows)
	}
	if named, has := p.coupon(); has {
		couponRow(named).addTo(rows)
	}
}

// answer uses or releases the slot of a placement, and tells its caller the outcome.
func (s *Service) answer(p *placement) {
	defer close(p.done)
	if err := panics.Caught(func() error { p.slot.finish(p.ctx, p.placed, p.err); return nil }); err != nil {
		p.err = err
	}
}
