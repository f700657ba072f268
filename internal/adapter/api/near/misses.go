package near

import (
	"time"

	"github.com/loopers-commerce/commerce/internal/base/panics"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// atOnce is how many products are read by one statement.
const atOnce = 1000

// miss is a product that somebody waits for.
type miss struct {
	pid   int64
	done  chan struct{}
	entry *entry
	err   error
}

// readBatch reads products for those who wait for them.
func (p *Products) readBatch(batch []*miss) {
	ids := make([]int64, len(batch))
	for i, m := range batch {
		ids[i] = m.pid
	}
	var found map[int64]product.Versioned
	var ranks map[int64]int64
	asOf := p.ages.now() // before the read
	err := panics.Caught(func() (err error) {
		ctx, cancel := p.config.detached()
		defer cancel()
		found, err = p.reader.Details(ctx, ids)
		if err == nil {
			ranks = p.reader.Ranks(ctx, ids)
		}
		return err
	})
	for _, m := range batch {
		if m.err = err; err == nil {
			m.err = panics.Caught(func() (err error) {
				m.entry, err = p.entryOf(m.pid, found, ranks, asOf)
				return err
			})
		}
		close(m.done)
	}
}

func (p *Products) entryOf(pid int64, found map[int64]product.Versioned, ranks map[int64]int64, asOf int64) (*entry, error) {
	e := &entry{until: asOf + int64(p.factsLife())}
	if v, ok := found[pid]; ok {
		s, err := p.show(v, ranks[pid])
		if err != nil {
			return nil, err
		}
		e.shown.Store(s)
		e.left.Store(patience)
	}
	e.asOf.Store(asOf)
	return e, nil
}

// factsLife returns FactsLife less up to a tenth, so that what was read together is not
// read again together.
func (p *Products) factsLife() time.Duration {
	return FactsLife - time.Duration(p.config.Random()*float64(FactsLife/10))
}

func (p *Products) show(v product.Versioned, rank int64) (*shown, error) {
	var place *int64
	if rank != 0 {
		place = &rank
	}
	a, err := p.render(v.Listing, place)
	return &shown{a, v, rank}, err
}
