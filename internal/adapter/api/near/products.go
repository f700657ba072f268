package near

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/loopers-commerce/commerce/internal/base/coded"
	"github.com/loopers-commerce/commerce/internal/base/gather"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// Reader reads products. Those that customers do not see are missing.
type Reader interface {
	Details(ctx context.Context, ids []int64) (map[int64]product.Versioned, error)
	Hot(ctx context.Context, ids []int64) (map[int64]product.Hot, error)
	// Ranks returns today's ranks; products without one are missing.
	Ranks(ctx context.Context, ids []int64) map[int64]int64
}

// Render makes the answer about a product. The rank is nil if it has none.
type Render func(l product.Listing, rank *int64) (coded.Answer, error)

// Products keeps answers about products.
type Products struct {
	Counts

	config  Config
	ages    ages
	reader  Reader
	render  Render
	kept    *otter.Cache[int64, *entry]
	changes changes
	flights singleflight.Group
	misses  *gather.Queue[*miss]
	oldest  atomic.Int64
}

// NewProducts returns an empty cache.
func NewProducts(c Config, r Reader, render Render) *Products {
	p := &Products{config: c, ages: ages{c.Clock, c.Clock()}, reader: r, render: render}
	p.misses = gather.New(atOnce, func(*miss) int { return 1 }, p.readBatch)
	p.kept = otter.Must(&otter.Options[int64, *entry]{
		MaximumWeight: c.Bytes,
		Weigher:       func(_ int64, e *entry) uint32 { return e.weight() },
	})
	return p
}

// entry is what is kept of a product. It is changed in place, and only forward in time.
// One that was dropped may still be changed: nobody finds it.
type entry struct {
	asOf  atomic.Int64          // written after shown
	shown atomic.Pointer[shown] // nil if there is no such product
	left  atomic.Int32          // how often it is refreshed before somebody has to ask for it again
	until int64                 // the facts are not used after this time

	change uint32 // that was known of the product before it was read
}

// shown is an answer, and what it was made of.
type shown struct {
	answer coded.Answer
	of     product.Versioned
	rank   int64 // 0: none
}

func (e *entry) weight() uint32 {
	s := e.shown.Load()
	if s == nil {
		return overhead / 2
	}
	return uint32(s.answer.Weight() + len(s.of.Name) + len(s.of.Description) + len(s.of.BrandName) + overhead) //nolint:gosec // texts are bounded
}

// answer returns the answer of an entry, or product.ErrNotFound.
func (e *entry) answer(pid int64) (*coded.Answer, error) {
	s := e.shown.Load()
	if s == nil {
		return nil, product.Unknown(pid)
	}
	return &s.answer, nil
}

// Peek returns what is known about a product, an answer or product.ErrNotFound, to somebody
// who asked at a time. known is false if it must be read: see Get.
func (p *Products) Peek(pid int64, asked time.Time) (a *coded.Answer, known bool, err error) {
	e, ok := p.kept.GetIfPresent(pid)
	if !ok || !young(e.asOf.Load(), p.ages.at(asked)) {
		return nil, false, nil
	}
	if e.left.Load() != patience {
		e.left.Store(patience)
	}
	p.Hits.Add(1)
	a, err = e.answer(pid)
	return a, true, err
}

// Get reads a product, together with others and for all who ask for it. It returns
// product.ErrNotFound if customers see no such product.
func (p *Products) Get(ctx context.Context, pid int64, asked time.Time) (*coded.Answer, error) {
	at := p.ages.at(asked)
	p.Misses.Add(1)
	for {
		e, err := p.join(ctx, pid, at)
		if err != nil {
			return nil, err
		}
		if young(e.asOf.Load(), at) {
			return e.answer(pid)
		}
	}
}

// join waits for a read of the product that has begun after all changes that are known.
func (p *Products) join(ctx context.Context, pid, at int64) (*entry, error) {
	change := p.changes.of(pid)
	key := strconv.FormatInt(pid, 10) + " " + strconv.FormatUint(uint64(change), 10)
	read := p.flights.DoChan(key, func() (any, error) { return p.load(pid, change, at) })
	select {
	case r := <-read:
		e, _ := r.Val.(*entry)
		return e, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// load has the product read, and keeps what was read unless the product has changed. Whoever
// came when the read before was just over finds what that has read.
func (p *Products) load(pid int64, change uint32, at int64) (*entry, error) {
	if e, ok := p.kept.GetEntryQuietly(pid); ok && e.Value.change == change && young(e.Value.asOf.Load(), at) {
		return e.Value, nil
	}
	m := &miss{pid: pid, done: make(chan struct{})}
	p.misses.Add(m)
	<-m.done
	if m.err != nil {
		return nil, m.err
	}
	m.entry.change = change
	p.kept.Compute(pid, func(*entry, bool) (*entry, otter.ComputeOp) {
		if p.changes.of(pid) != change {
			return nil, otter.CancelOp
		}
		return m.entry, otter.WriteOp
	})
	return m.entry, nil
}

// Drop drops what is kept of a product: something about it has changed.
func (p *Products) Drop(pid int64) {
	p.Dropped.Add(1)
	p.changes.add(pid) // before it is dropped: see load
	p.kept.Invalidate(pid)
}

// forget drops an entry, unless another one has taken its place.
func (p *Products) forget(pid int64, old *entry) {
	p.kept.ComputeIfPresent(pid, func(e *entry) (*entry, otter.ComputeOp) {
		if e == old {
			return nil, otter.InvalidateOp
		}
		return e, otter.CancelOp
	})
}

// Bytes returns the memory that the entries take.
func (p *Products) Bytes() uint64 { return p.kept.WeightedSize() }

// Oldest returns the highest age of what was refreshed last, at that moment. If it is
// near MaxAge, the database cannot keep up, and what is older is read when it is asked for.
func (p *Products) Oldest() time.Duration { return time.Duration(p.oldest.Load()) }

// changes counts the changes of products. Some products share a counter.
type changes [1024]atomic.Uint32

func (c *changes) of(pid int64) uint32 { return c[uint64(pid)%uint64(len(c))].Load() } //nolint:gosec // any number will do

func (c *changes) add(pid int64) { c[uint64(pid)%uint64(len(c))].Add(1) } //nolint:gosec // as above
