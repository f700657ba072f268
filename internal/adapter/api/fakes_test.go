package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
)

// fakeRankings is a ranking with configured results.
type fakeRankings struct {
	mu        sync.Mutex
	page      rankings.Page
	rank      *int64
	err       error
	lastQuery string
	reads     int
	more      *sync.Cond // broadcast at each read
	blocked   bool
}

func newFakeRankings() *fakeRankings {
	f := &fakeRankings{}
	f.more = sync.NewCond(&f.mu)
	return f
}

func (f *fakeRankings) Read(ctx context.Context, q rankings.Query) (rankings.Page, error) {
	f.mu.Lock()
	f.lastQuery = fmt.Sprintf("%s %s %d %d %d %s", q.Period.Kind, q.Period.Key(), q.BrandID, q.Number, q.Size, q.Snapshot)
	f.reads++
	f.more.Broadcast()
	page, err := f.page, f.err
	f.mu.Unlock()
	if f.blocked {
		<-ctx.Done()
		return rankings.Page{}, ctx.Err()
	}
	if errors.Is(err, errPanic) {
		panic(err)
	}
	return page, err
}

// show replaces the page.
func (f *fakeRankings) show(p rankings.Page) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.page = p
}

func (f *fakeRankings) readCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// awaitReads waits for n more reads.
func (f *fakeRankings) awaitReads(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for until := f.reads + n; f.reads < until; {
		f.more.Wait()
	}
}

func (f *fakeRankings) Rank(_ context.Context, day clock.Day, productID int64) *int64 {
	f.lastQuery = fmt.Sprintf("%s product %d", day, productID)
	return f.rank
}

func (f *fakeRankings) Ranks(_ context.Context, _ clock.Day, productIDs []int64) map[int64]int64 {
	ranks := map[int64]int64{}
	if f.rank != nil {
		for _, pid := range productIDs {
			ranks[pid] = *f.rank
		}
	}
	return ranks
}

// boardOf is the board that the ranking is read from.
type boardOf struct{ *fakeRankings }

func (b boardOf) Rank(ctx context.Context, day clock.Day, productID int64) (*int64, error) {
	return b.fakeRankings.Rank(ctx, day, productID), b.err
}

var errPanic = errors.New("a bug that knows the password of the database")

// fakeViews records views.
type fakeViews struct {
	mu   sync.Mutex
	seen []string
}

func (v *fakeViews) Viewed(productID int64, u *id.ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = append(v.seen, fmt.Sprintf("%d by %v", productID, u != nil))
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// zeros is a source of no randomness: ids count up from the time.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
