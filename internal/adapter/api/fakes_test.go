package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// fakeRankings is a ranking with configured results.
type fakeRankings struct {
	entries   []ranking.Entry
	more      bool
	rank      *int64
	err       error
	lastQuery string
	blocked   bool
}

func (f *fakeRankings) Read(ctx context.Context, day clock.Day, page, size int64) (leaderboard.Page, error) {
	f.lastQuery = fmt.Sprintf("%s %d %d", day, page, size)
	if f.blocked {
		<-ctx.Done()
		return leaderboard.Page{}, ctx.Err()
	}
	if errors.Is(f.err, errPanic) {
		panic(f.err)
	}
	return leaderboard.Page{Entries: f.entries, HasMore: f.more}, f.err
}

func (f *fakeRankings) Rank(_ context.Context, day clock.Day, productID int64) *int64 {
	f.lastQuery = fmt.Sprintf("%s product %d", day, productID)
	return f.rank
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
