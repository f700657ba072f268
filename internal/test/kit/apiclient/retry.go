package apiclient

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
)

// Retrier sends each request until it is answered, in turn to several APIs that
// serve the same shop, and counts what went wrong on the way.
type Retrier struct {
	clients []Client

	mu    sync.Mutex
	stats RetryStats
}

// RetryStats says what a Retrier has met.
type RetryStats struct {
	Unanswered int            // attempts without an answer
	Replayed   int            // answers that the API gave again for the same key
	Refused    map[string]int // attempts to repeat, by error code
	Errors     []string       // the body of every answer that is not 2xx
}

// NewRetrier returns a Retrier. timeout limits one attempt.
func NewRetrier(timeout time.Duration, connections int, urls ...string) *Retrier {
	client := &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	r := &Retrier{stats: RetryStats{Refused: map[string]int{}}}
	for _, url := range urls {
		r.clients = append(r.clients, Client{URL: url, HTTP: client})
	}
	return r
}

// Close closes the connections that are idle.
func (r *Retrier) Close() { r.clients[0].HTTP.CloseIdleConnections() }

// Stats returns what was met so far.
func (r *Retrier) Stats() RetryStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Do sends a request to the API of this number, then to the next one and so on,
// until the answer is final: not an outage, and not that the key is in use.
func (r *Retrier) Do(ctx context.Context, q Request, api int) (Response, error) {
	waits := backoff.New(20*time.Millisecond, 500*time.Millisecond, nil)
	for ; ; api++ {
		got, err := r.Once(ctx, q, api)
		if err == nil && final(got) {
			return got, nil
		}
		if !backoff.Wait(ctx, waits.Next()) {
			return got, fmt.Errorf("%s %s of %s (key %q) was not answered: %w", q.Method, q.Path, q.User, q.Key, context.Cause(ctx))
		}
	}
}

func final(got Response) bool {
	return got.Status <= http.StatusInternalServerError && got.Code() != "IDEMPOTENCY_KEY_IN_USE"
}

// Once sends a request to the API of this number, without repeating it.
func (r *Retrier) Once(ctx context.Context, q Request, api int) (Response, error) {
	got, err := r.clients[api%len(r.clients)].Do(ctx, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.stats.Unanswered++
	case !got.OK():
		r.stats.Errors = append(r.stats.Errors, string(got.Body))
		if !final(got) {
			r.stats.Refused[got.Code()]++
		}
	case got.Replayed:
		r.stats.Replayed++
	}
	return got, err
}
