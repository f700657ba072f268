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

// orderTrace is the times of an order from the request to the ranking.
type orderTrace struct {
	product  int64
	due      time.Time // when it had to be sent
	at       time.Time // createdAt of the order: the begin of the transaction
	answered time.Time // when the client had the answer
	shown    time.Time // when the ranking was first seen to have it
}

const (
	pollInterval = time.Millisecond
	traceTimeout = time.Minute // for a request, and for the last order to show
)

// sell sends orders at a constant rate for a while, and views beside them. It returns when
// all orders are in the ranking.
func (s *delayShop) sell(b *testing.B, d time.Duration, v *viewer) []orderTrace {
	b.Helper()
	trips := make([]orderTrace, orderRate*int(d/time.Second))
	sent := make(chan *orderTrace, len(trips))
	errs := make(chan error, len(trips)+1)
	var all sync.WaitGroup
	all.Go(func() { errs <- s.watch(b.Context(), sent, len(trips), d+traceTimeout) })
	all.Go(func() { v.view(b.Context(), d) })
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

// order places an order of the product. Consecutive orders are of different users.
func (s *delayShop) order(ctx context.Context, t *orderTrace) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+ordersPath, bytes.NewReader(orderBody(int(t.product))))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.tokens[t.product%int64(len(s.tokens))])
	r.Header.Set("Idempotency-Key", s.env.IDs().String())
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

// watch polls the ranking until all n products that were sold are in it.
func (s *delayShop) watch(ctx context.Context, sent <-chan *orderTrace, n int, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var waiting []*orderTrace
	for n > 0 {
		if !backoff.Wait(ctx, pollInterval) {
			return fmt.Errorf("%d orders are not shown", n)
		}
		for len(sent) > 0 {
			waiting = append(waiting, <-sent)
		}
		left, err := s.checkRanking(ctx, waiting)
		if err != nil {
			return err
		}
		n -= len(waiting) - len(left)
		waiting = left
	}
	return nil
}

// checkRanking notes which products are in the ranking, and returns the others.
func (s *delayShop) checkRanking(ctx context.Context, waiting []*orderTrace) (left []*orderTrace, err error) {
	if len(waiting) == 0 {
		return nil, nil
	}
	members := make([]string, len(waiting))
	for i, t := range waiting {
		members[i] = fmt.Sprintf("%019d", t.product)
	}
	today := clock.DayOf(s.env.Clock()).String()
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
