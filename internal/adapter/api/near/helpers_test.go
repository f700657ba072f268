package near_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api/near"
	"github.com/loopers-commerce/commerce/internal/base/coded"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

// shop is a database of products. A read takes a while: what it returns is what was so when
// it began.
type shop struct {
	mu       sync.Mutex
	products map[int64]product.Versioned
	ranks    map[int64]int64
	reads    []int // of whole products, by how many were asked for
	confirms int   // of hot numbers
	takes    time.Duration
	err      error
	panics   bool
}

func newShop(ids ...int64) *shop {
	s := &shop{products: map[int64]product.Versioned{}, ranks: map[int64]int64{}}
	for _, pid := range ids {
		s.products[pid] = product.Versioned{Listing: product.Listing{Product: product.Product{ID: pid, Name: "Mug", Price: 100}, Stock: 7}, Version: 1}
	}
	return s
}

// change changes a product; its version, too, if facts is true.
func (s *shop) change(pid int64, facts bool, f func(*product.Versioned)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.products[pid]
	v.ID = pid
	f(&v)
	if facts {
		v.Version++
	}
	s.products[pid] = v
}

func (s *shop) Details(_ context.Context, ids []int64) (map[int64]product.Versioned, error) {
	s.mu.Lock()
	found, err, panics, takes := map[int64]product.Versioned{}, s.err, s.panics, s.takes
	for _, pid := range ids {
		if v, ok := s.products[pid]; ok {
			found[pid] = v
		}
	}
	s.reads = append(s.reads, len(ids))
	s.mu.Unlock()
	time.Sleep(takes)
	if panics {
		panic("a bug")
	}
	return found, err
}

func (s *shop) Hot(_ context.Context, ids []int64) (map[int64]product.Hot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.confirms++
	hot := map[int64]product.Hot{}
	for _, pid := range ids {
		if v, ok := s.products[pid]; ok {
			hot[pid] = product.Hot{ID: pid, Version: v.Version, Stock: v.Stock, LikeCount: v.LikeCount}
		}
	}
	return hot, s.err
}

func (s *shop) Ranks(context.Context, []int64) map[int64]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.ranks)
}

func (s *shop) readCount() (n int) {
	s.with(func() { n = len(s.reads) })
	return n
}

func (s *shop) confirmCount() (n int) {
	s.with(func() { n = s.confirms })
	return n
}

// with calls f while nothing reads.
func (s *shop) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func config() near.Config {
	return near.Config{
		Bytes: 1 << 20, Timeout: time.Minute, Clock: time.Now, Random: func() float64 { return 0.5 },
		Log: slog.New(slog.DiscardHandler),
	}
}

func render(l product.Listing, rank *int64) (coded.Answer, error) {
	place := int64(0)
	if rank != nil {
		place = *rank
	}
	return coded.New(fmt.Appendf(nil, "%d %s %d won, %d left, %d likes, rank %d", l.ID, l.Name, l.Price, l.Stock, l.LikeCount, place), "tag", nil), nil
}

// cache is a near cache in front of a shop.
type cache struct{ *near.Products }

func newCache(s *shop) cache { return cache{near.NewProducts(config(), s, render)} }

// text returns the answer about a product, or the error.
func (c cache) text(t *testing.T, pid int64) string {
	t.Helper()
	asked := time.Now()
	a, known, err := c.Peek(pid, asked)
	if !known {
		a, err = c.Get(t.Context(), pid, asked)
	}
	if err != nil {
		return err.Error()
	}
	return string(a.Body())
}

// keepFresh refreshes the cache until the test ends.
func (c cache) keepFresh(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
