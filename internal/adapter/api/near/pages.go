package near

import (
	"bytes"
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/loopers-commerce/commerce/internal/base/coded"
	"github.com/loopers-commerce/commerce/internal/base/panics"
)

// renewAt is the age at which a page is read again while it is still used.
const renewAt = MaxAge * 9 / 10

// Read reads the page at a URL as somebody would of whom nothing is known. ok is false if
// the answer is not one to keep.
type Read func(ctx context.Context, url string) (a coded.Answer, ok bool)

// Pages keeps answers of which only the URL is known, and that all of them may be about
// products: any change of a product drops them all.
type Pages struct {
	Counts

	config  Config
	ages    ages
	read    Read
	kept    *otter.Cache[string, *leaf]
	changes atomic.Int64
	flights singleflight.Group
	renewal chan struct{} // holds one for each page that is renewed
}

// leaf is what is kept of a page.
type leaf struct {
	answer  coded.Answer
	asOf    int64
	changes int64 // how many there had been before it was read
	renewed atomic.Bool
}

// renewals is how many pages are renewed at a time. Those that are renewed at the same time
// share a statement.
const renewals = 16

// NewPages returns an empty cache.
func NewPages(c Config, read Read) *Pages {
	return &Pages{
		config: c, ages: ages{c.Clock, c.Clock()}, read: read, renewal: make(chan struct{}, renewals),
		kept: otter.Must(&otter.Options[string, *leaf]{
			MaximumWeight: c.Bytes,
			Weigher:       func(url string, p *leaf) uint32 { return uint32(len(url) + p.answer.Weight() + overhead) }, //nolint:gosec // texts are bounded
		}),
	}
}

// Peek returns the page at a URL to somebody who asked at a time. ok is false if it must be
// read: see Get.
func (p *Pages) Peek(url string, asked time.Time) (a *coded.Answer, ok bool) {
	at := p.ages.at(asked)
	l, ok := p.kept.GetIfPresent(url)
	if !ok || l.changes != p.changes.Load() || !young(l.asOf, at) {
		return nil, false
	}
	if at-l.asOf > int64(renewAt) {
		p.renew(url, l)
	}
	p.Hits.Add(1)
	return &l.answer, true
}

// Get reads a page for all who ask for it. ok is false if the answer is not one to keep:
// then it must be asked for in another way.
func (p *Pages) Get(ctx context.Context, url string, asked time.Time) (a *coded.Answer, ok bool) {
	at, changes := p.ages.at(asked), p.changes.Load()
	p.Misses.Add(1)
	for {
		l := p.join(ctx, url, changes, at)
		if l == nil {
			return nil, false
		}
		if young(l.asOf, at) {
			return &l.answer, true
		}
	}
}

// join waits for a read of the page that has begun after the changes given.
func (p *Pages) join(ctx context.Context, url string, changes, at int64) *leaf {
	read := p.flights.DoChan(strconv.FormatInt(changes, 10)+" "+url, func() (any, error) {
		return p.load(url, changes, at)
	})
	select {
	case r := <-read:
		l, _ := r.Val.(*leaf)
		return l
	case <-ctx.Done():
		return nil
	}
}

// load reads a page. If products have changed meanwhile it is kept, but not used. Whoever
// came when the read before was just over finds what that has read.
func (p *Pages) load(url string, changes, at int64) (l *leaf, err error) {
	if e, ok := p.kept.GetEntryQuietly(url); ok && e.Value.changes == changes && young(e.Value.asOf, at) {
		return e.Value, nil
	}
	l = &leaf{asOf: p.ages.now(), changes: changes}
	found := false
	err = panics.Caught(func() error {
		ctx, cancel := p.config.detached()
		defer cancel()
		l.answer, found = p.read(ctx, url)
		return nil
	})
	if err != nil || !found {
		return nil, err
	}
	if old, ok := p.kept.GetEntryQuietly(url); ok && bytes.Equal(old.Value.answer.Body(), l.answer.Body()) {
		l.answer = old.Value.answer // it may have been compressed
	}
	p.kept.Set(url, l)
	return l, nil
}

// renew reads a page again that is still used, so that nobody has to wait for it. If too
// many pages are renewed, one of those who ask will wait.
func (p *Pages) renew(url string, l *leaf) {
	if !l.renewed.CompareAndSwap(false, true) {
		return
	}
	select {
	case p.renewal <- struct{}{}:
	default:
		l.renewed.Store(false)
		return
	}
	go func() {
		defer func() { <-p.renewal }()
		ctx, cancel := p.config.detached()
		defer cancel()
		p.join(ctx, url, p.changes.Load(), l.asOf+int64(MaxAge)) // later than l may be used
	}()
}

// Drop drops all pages: a product has changed.
func (p *Pages) Drop() {
	p.Dropped.Add(1)
	p.changes.Add(1)
}

// Bytes returns the memory that the entries take.
func (p *Pages) Bytes() uint64 { return p.kept.WeightedSize() }
