package caches_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api/near"
	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

// Two instances are read and written at once. Whoever asks the one that made a change sees
// it at once; whoever asks the other one sees it within a second, whatever is away.
func TestNoAnswerIsOlderThanItMayBe(t *testing.T) {
	t.Parallel()
	for name, without := range map[string]away{
		"with everything": {}, "without Kafka": {kafka: true}, "without Redis": {redis: true}, "without Kafka and Redis": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open(t, without, products).readAndWrite(t)
		})
	}
}

// Redis dies and comes back, empty and not, again and again: nobody gets an error or an
// answer that is too old.
func TestRedisMayDieWhileTheShopIsReadAndWritten(t *testing.T) {
	t.Parallel()
	s := open(t, away{kafka: true}, products)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
			}
			if n%2 == 0 {
				s.redis.Close()
				continue
			}
			if n%4 == 1 {
				s.redis.FlushAll()
			}
			if err := s.redis.Restart(); err != nil {
				t.Error(err)
			}
		}
	}()
	s.readAndWrite(t)
	close(stop)
	<-stopped
}

const products, readers = 30, 6

// readAndWrite takes all products through their lives while others read them.
func (s *shop) readAndWrite(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	all := make([]*product, products)
	var writing, reading sync.WaitGroup
	for n := range all {
		all[n] = &product{id: int64(n + 1)}
		writing.Go(func() {
			if err := s.live(ctx, all[n]); err != nil {
				t.Error(err)
			}
		})
	}
	var reads atomic.Int64
	for range readers {
		reading.Go(func() { s.read(ctx, t, all, &reads) })
	}
	writing.Wait()
	time.Sleep(near.MaxAge) // and then all is as it is
	stop()
	reading.Wait()
	t.Logf("%d reads", reads.Load())
	for _, p := range all {
		for api := range s.apis {
			if err := s.check(t.Context(), p, api); err != nil {
				t.Error(err)
			}
		}
	}
}

// read reads products and lists until ctx ends, or an answer is too old.
func (s *shop) read(ctx context.Context, t *testing.T, all []*product, reads *atomic.Int64) {
	t.Helper()
	for ctx.Err() == nil {
		api := rand.IntN(len(s.apis))
		err := s.check(ctx, all[rand.IntN(len(all))], api)
		if err == nil && reads.Add(1)%5 == 0 {
			err = s.checkList(ctx, all, api)
		}
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
	}
}

// check reads a product from an instance.
func (s *shop) check(ctx context.Context, p *product, api int) error {
	asked := time.Now()
	least := p.least(asked, func(step step, _ int) time.Duration { return lagOf(step.by == api) })
	var shown struct {
		Price, Stock int64
		Status       string
	}
	got, err := s.apis[api].Do(ctx, apiclient.View("", p.id))
	if err != nil {
		return err
	}
	if got.Status == http.StatusOK {
		err = got.Decode(&shown)
	} else if got.Status != http.StatusNotFound {
		err = fmt.Errorf("%v", got)
	}
	if err != nil {
		return err
	}
	seen := state{shown.Price, shown.Stock, shown.Status}
	for _, permitted := range lives()[least:] {
		if seen == permitted {
			return nil
		}
	}
	return p.tooOld(fmt.Sprintf("detail %+v of instance %d", seen, api), least, asked)
}

func lagOf(own bool) time.Duration {
	if own {
		return 0
	}
	return near.MaxAge
}

// checkList reads a list of all products from an instance.
func (s *shop) checkList(ctx context.Context, all []*product, api int) error {
	path := "/api/v1/products?size=100&sort=" + []string{"latest", "price_asc", "price_desc", "likes_desc"}[rand.IntN(4)]
	asked, least := time.Now(), make([]int, len(all))
	for n, p := range all {
		least[n] = p.least(asked, func(step step, reached int) time.Duration {
			return lagOf(step.by == api && reached != 5) // state 5 differs by a number
		})
	}
	var page struct {
		Items []struct {
			ID, Price, Stock int64
			Status           string
		}
	}
	if err := s.must(ctx, api, http.StatusOK, apiclient.Get("", path), &page); err != nil {
		return err
	}
	seen := map[int64]state{}
	for _, item := range page.Items {
		seen[item.ID] = state{item.Price, item.Stock, item.Status}
	}
	var wrong []error
	for n, p := range all {
		permitted := false
		for _, later := range lives()[least[n]:] {
			permitted = permitted || seen[p.id].facts() == later.facts()
		}
		if !permitted {
			wrong = append(wrong, p.tooOld(fmt.Sprintf("%+v in list %s of instance %d", seen[p.id], path, api), least[n], asked))
		}
	}
	return errors.Join(wrong...)
}

func (p *product) tooOld(what string, least int, asked time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Errorf("product %d: %s is older than %+v, which instance %d had made %v earlier",
		p.id, what, lives()[least], p.steps[max(least-1, 0)].by, asked.Sub(p.steps[max(least-1, 0)].then))
}
