package grey_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// kind is what a customer wants.
type kind string

const (
	details kind = "details"
	lists   kind = "lists"
	ranking kind = "ranking"
	points  kind = "points"
	likes   kind = "likes"
	orders  kind = "orders"
	hots    kind = "hot orders" // of the product whose stock somebody holds at times
)

var (
	writes   = []kind{likes, orders, hots}
	allKinds = []kind{details, lists, ranking, points, likes, orders, hots}
)

const (
	// every is the time between two requests of a kind.
	every = 100 * time.Millisecond
	// timeout is longer than the shop takes for any answer.
	timeout = 15 * time.Second
)

// sample is a request that has ended.
type sample struct {
	kind kind
	due  time.Time
	took time.Duration
	bad  string // why it was not served; empty: it was
	rude string // what is wrong with a refusal; empty: it says when to come again
}

// load is what customers do, whatever happens: the requests of each kind are sent when they are
// due.
type load struct {
	s      *shop
	client *http.Client

	mu      sync.Mutex
	samples []sample
	placed  []apiclient.Request // orders, each with a key of its own
}

func newLoad(s *shop) *load {
	return &load{s: s, client: &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
}

// run sends requests until ctx ends, and waits for their answers.
func (l *load) run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(every / time.Duration(len(allKinds)))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case due := <-tick.C:
			k := allKinds[n%len(allKinds)]
			q := l.request(k, n)
			all.Go(func() { l.send(context.WithoutCancel(ctx), k, q, n, due) })
		}
	}
}

// request returns the request of a kind that has a number.
func (l *load) request(k kind, n int) apiclient.Request {
	who, product := customer(rand.IntN(customers)), rand.Int64N(products-1)+hot+1
	order := func(who string, product int64) apiclient.Request {
		q := apiclient.Buy(product, 1).Request(who, fmt.Sprint("order-", n))
		l.mu.Lock()
		defer l.mu.Unlock()
		l.placed = append(l.placed, q)
		return q
	}
	switch k {
	case details:
		return apiclient.View("", product)
	case lists:
		return apiclient.Get("", "/api/v1/products?sort=likes_desc")
	case ranking:
		return apiclient.DailyRanking("")
	case points:
		return apiclient.Points(who)
	case likes:
		if rand.IntN(2) == 0 {
			return apiclient.Unlike(who, product)
		}
		return apiclient.Like(who, product)
	case orders:
		return order(who, product)
	default: // by others: an order that waits for a product holds the wallet of its customer
		return order(customer(customers+rand.IntN(customers)), hot)
	}
}

// send sends a request to one API or the other.
func (l *load) send(ctx context.Context, k kind, q apiclient.Request, n int, due time.Time) {
	got, err := l.patiently(ctx, apiclient.Client{URL: l.s.api(n / len(allKinds)).URL, HTTP: l.client}, q)
	done := sample{kind: k, due: due, took: time.Since(due)}
	switch {
	case err != nil:
		done.bad, done.rude = "no answer", err.Error()
	case !got.OK():
		done.bad, done.rude = got.Code(), rude(got)
	case k == ranking:
		done.bad = emptyRanking(got)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples = append(l.samples, done)
}

// rude returns what is wrong with a refusal: while a part is sick, a customer is told to come
// again, and when.
func rude(got apiclient.Response) string {
	if got.Status != http.StatusServiceUnavailable || got.RetryAfter == "" {
		return fmt.Sprintf("%v, Retry-After: %q", got, got.RetryAfter)
	}
	return ""
}

// patiently sends a request, again if there is a crowd: the machine may have other work, too.
func (l *load) patiently(ctx context.Context, api apiclient.Client, q apiclient.Request) (got apiclient.Response, err error) {
	const attempts = 4
	for range attempts {
		got, err = api.Do(ctx, q)
		if code := got.Code(); err != nil || code != "TOO_BUSY" && code != "ORDERS_BUSY" || !backoff.Wait(ctx, time.Second) {
			break
		}
	}
	return got, err
}

// emptyRanking returns what is wrong with a ranking: from the first minute on it has products.
func emptyRanking(got apiclient.Response) string {
	var page struct{ Items []json.RawMessage }
	if err := got.Decode(&page); err != nil || len(page.Items) == 0 {
		return "EMPTY RANKING"
	}
	return ""
}

// between returns the requests of some kinds that were due in a time.
func (l *load) between(from, to time.Time, kinds ...kind) (found []sample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.samples {
		if !x.due.Before(from) && x.due.Before(to) && slices.Contains(kinds, x.kind) {
			found = append(found, x)
		}
	}
	return found
}

// p99 returns the 99th percentile of the time that requests took.
func p99(all []sample) time.Duration {
	if len(all) == 0 {
		return 0
	}
	took := make([]time.Duration, len(all))
	for i, x := range all {
		took[i] = x.took
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// bad returns why requests were not served, and how many.
func bad(all []sample) map[string]int {
	why := map[string]int{}
	for _, x := range all {
		if x.bad != "" {
			why[x.bad]++
		}
	}
	return why
}
