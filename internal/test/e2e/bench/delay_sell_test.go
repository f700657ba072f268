package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// trip is an order on its way to the ranking.
type trip struct {
	product  int64
	due      time.Time // when it was to be sent
	at       time.Time // when the server began the transaction, by the order's own words
	answered time.Time // when the client had the answer
	shown    time.Time // when the ranking was seen to have it
}

const (
	lookEvery = time.Millisecond
	patience  = time.Minute // with an order, and with the last one on its way
)

// sell sends orders at their rate for a while, and returns when all are shown.
func (s *delayShop) sell(b *testing.B, d time.Duration) []trip {
	b.Helper()
	trips := make([]trip, orderRate*int(d/time.Second))
	sent := make(chan *trip, len(trips))
	errs := make(chan error, len(trips)+1)
	var all sync.WaitGroup
	all.Go(func() { errs <- s.watch(b.Context(), sent, len(trips), d+patience) })
	begun := time.Now()
	for i := range trips {
		t := &trips[i]
		s.sold++
		t.product, t.due = s.sold, begun.Add(time.Duration(i)*time.Second/orderRate)
		backoff.Wait(b.Context(), time.Until(t.due))
		sent <- t
		all.Go(func() { errs <- s.order(b.Context(), t) })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			b.Fatal(err)
		}
	}
	return trips
}

// order buys the product. The user is another one for each order of a while.
func (s *delayShop) order(ctx context.Context, t *trip) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+ordersPath, bytes.NewReader(basket(int(t.product))))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.tokens[t.product%int64(len(s.tokens))])
	r.Header.Set("Idempotency-Key", s.world.IDs().String())
	res, err := s.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	t.answered = time.Now()
	var o struct {
		Status    string
		CreatedAt time.Time
	}
	if err := json.Unmarshal(body, &o); err != nil || res.StatusCode != http.StatusCreated || o.Status != "PAID" {
		return fmt.Errorf("the order of product %d is %d %s", t.product, res.StatusCode, body)
	}
	t.at = o.CreatedAt
	return nil
}

// watch looks all the time which of the products that were sold have a place,
// until all n have.
func (s *delayShop) watch(ctx context.Context, sent <-chan *trip, n int, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var waiting []*trip
	for n > 0 {
		if !backoff.Wait(ctx, lookEvery) {
			return fmt.Errorf("%d orders are not shown", n)
		}
		for len(sent) > 0 {
			waiting = append(waiting, <-sent)
		}
		left, err := s.look(ctx, waiting)
		if err != nil {
			return err
		}
		n -= len(waiting) - len(left)
		waiting = left
	}
	return nil
}

// look notes which products have a place by now, and returns the others.
func (s *delayShop) look(ctx context.Context, waiting []*trip) (left []*trip, err error) {
	if len(waiting) == 0 {
		return nil, nil
	}
	members := make([]string, len(waiting))
	for i, t := range waiting {
		members[i] = fmt.Sprintf("%019d", t.product)
	}
	today := clock.DayOf(s.world.Clock()).String()
	scores, err := s.board.Client.ZMScore(ctx, s.board.Prefix+"ranking:{all}:"+today, members...).Result()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for i, t := range waiting {
		if t.shown = now; scores[i] == 0 {
			left = append(left, t)
		}
	}
	return left, nil
}
