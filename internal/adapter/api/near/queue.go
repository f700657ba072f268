package near

import (
	"sync"
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

// queue gathers misses. While some of them are read, the next ones gather: however many
// wait, the database has one statement to answer.
type queue struct {
	read func([]*miss)

	mu      sync.Mutex
	waiting []*miss
	reading bool
}

func (q *queue) add(m *miss) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, m)
	if !q.reading {
		q.reading = true
		go q.drain()
	}
}

// drain reads until nobody waits.
func (q *queue) drain() {
	for batch := q.next(); len(batch) > 0; batch = q.next() {
		q.read(batch)
		for _, m := range batch {
			close(m.done)
		}
	}
}

func (q *queue) next() []*miss {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), atOnce)
	batch := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; n == 0 {
		q.waiting, q.reading = nil, false
	}
	return batch
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
			m.entry, m.err = p.entryOf(m.pid, found, ranks, asOf)
		}
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
