package near_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api/near"
	"github.com/loopers-commerce/commerce/internal/base/coded"
	"github.com/loopers-commerce/commerce/internal/domain/product"
)

func TestAThousandMissesOfOneProductAreOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(1)
		s.takes = 10 * time.Millisecond
		c := newCache(s)
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Microsecond) // many come while it is read
				if got := c.text(t, 1); got != "1 Mug 100 won, 7 left, 0 likes, rank 0" {
					t.Error(got)
				}
			})
		}
		all.Wait()
		if !slices.Equal(s.reads, []int{1}) || c.Misses.Load() != 1000 {
			t.Errorf("reads %v, %d misses", s.reads, c.Misses.Load())
		}
		c.text(t, 1)
		if c.Hits.Load() != 1 || s.readCount() != 1 {
			t.Errorf("%d hits, reads %v", c.Hits.Load(), s.reads)
		}
	})
}

func TestAPanicWithOneProductIsTheErrorOfNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(1, 2)
		c := cache{near.NewProducts(config(), s, func(l product.Listing, rank *int64) (coded.Answer, error) {
			if l.ID == 1 {
				panic("a bug")
			}
			return render(l, rank)
		})}
		var all sync.WaitGroup
		all.Go(func() {
			if got := c.text(t, 1); !strings.Contains(got, "a bug") {
				t.Error(got)
			}
		})
		all.Go(func() {
			if got := c.text(t, 2); !strings.HasPrefix(got, "2 Mug") {
				t.Error(got)
			}
		})
		all.Wait()
	})
}

func TestMissesThatComeDuringAReadAreReadTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(1, 2, 3, 4, 5)
		s.takes = 10 * time.Millisecond
		c := newCache(s)
		var all sync.WaitGroup
		for pid := range int64(6) {
			all.Go(func() {
				time.Sleep(time.Duration(pid) * time.Millisecond)
				c.text(t, pid+1)
			})
		}
		all.Wait()
		if !slices.Equal(s.reads, []int{1, 5}) {
			t.Errorf("reads of %v products, want 1, and the 5 that came meanwhile", s.reads)
		}
	})
}

func TestAProductThatDoesNotExistIsKeptForASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop()
		c := newCache(s)
		defer c.keepFresh(t)()
		for range 3 {
			if got := c.text(t, 17); got != product.Unknown(17).Error() {
				t.Error(got)
			}
		}
		time.Sleep(near.MaxAge)
		c.text(t, 17)
		if s.readCount() != 2 || s.confirmCount() != 0 {
			t.Errorf("%d reads, %d confirmations", s.readCount(), s.confirmCount())
		}
		s.change(17, true, func(v *product.Versioned) { v.Name = "Pot" })
		c.Drop(17)
		if got := c.text(t, 17); !strings.HasPrefix(got, "17 Pot") {
			t.Errorf("after it was created: %s", got)
		}
	})
}

func TestWithoutAnyNewsNothingIsOlderThanASecond(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]bool{"while it is refreshed": true, "while nothing is refreshed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShop(1)
				c := newCache(s)
				if fresh {
					defer c.keepFresh(t)()
				}
				var then [1000]string // what was true, by ms
				for ms := range 5000 {
					s.change(1, ms%1300 == 0, func(v *product.Versioned) {
						v.Stock, v.LikeCount = int64(ms), int64(ms/10)
						if ms%1300 == 0 {
							v.Price++
						}
					})
					rank := int64(ms)
					s.with(func() {
						s.ranks[1] = rank
						now, _ := render(s.products[1].Listing, &rank)
						then[ms%1000] = string(now.Body())
					})
					if got := c.text(t, 1); !slices.Contains(then[:], got) {
						t.Fatalf("%d ms: %s is older than a second", ms, got)
					}
					time.Sleep(time.Millisecond)
				}
				if reads := s.readCount(); fresh && reads > 6 {
					t.Errorf("%d reads although it was refreshed", reads)
				}
			})
		})
	}
}

func TestWhatWasReadBeforeAChangeIsNeitherKeptNorSharedAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(1)
		s.takes = 10 * time.Millisecond
		c := newCache(s)
		early := make(chan string, 1)
		go func() { early <- c.text(t, 1) }()
		time.Sleep(5 * time.Millisecond)
		s.change(1, true, func(v *product.Versioned) { v.Price = 200 })
		c.Drop(1)
		if got := c.text(t, 1); !strings.Contains(got, "200 won") { // it came after the change
			t.Errorf("asked after the change: %s", got)
		}
		if got := <-early; !strings.Contains(got, "100 won") {
			t.Errorf("asked before the change: %s", got)
		}
		if got := c.text(t, 1); !strings.Contains(got, "200 won") || c.Hits.Load() != 1 {
			t.Errorf("kept: %s, %d hits", got, c.Hits.Load())
		}
	})
}

// Each order of a product drops it. While one sells a thousand times a second, it is read
// all the time, but it is answered.
func TestAProductThatChangesFasterThanItIsReadIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(1)
		s.takes = 10 * time.Millisecond
		c := newCache(s)
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for n := int64(0); ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					s.change(1, false, func(v *product.Versioned) { v.Stock = n })
					c.Drop(1)
				}
			}
		}()
		for range 20 {
			began := time.Now()
			c.text(t, 1)
			if time.Since(began) > 20*time.Millisecond {
				t.Errorf("it took %v", time.Since(began))
			}
		}
		close(stop)
		<-stopped
	})
}

func TestAFailedReadIsTheErrorOfAllWhoWaitAndIsNotKept(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*shop){
		"an error": func(s *shop) { s.err = errors.New("away") },
		"a panic":  func(s *shop) { s.panics = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newShop(1)
				broken(s)
				c := newCache(s)
				if got := c.text(t, 1); got != "away" && got != "panic: a bug" {
					t.Error(got)
				}
				s.with(func() { s.err, s.panics = nil, false })
				if got := c.text(t, 1); !strings.HasPrefix(got, "1 Mug") {
					t.Error(got)
				}
			})
		})
	}
}

func TestWhatNobodyAsksForIsNoLongerRefreshed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(1)
		c := newCache(s)
		defer c.keepFresh(t)()
		c.text(t, 1)
		time.Sleep(time.Minute)
		before := s.confirmCount()
		time.Sleep(time.Minute)
		if after := s.confirmCount(); before == 0 || after != before {
			t.Errorf("%d confirmations in the first minute, %d in the second", before, after-before)
		}
	})
}

func TestFactsThatNobodyHasReportedAreReadAgainAfterTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(1)
		c := newCache(s)
		defer c.keepFresh(t)()
		c.text(t, 1)
		s.change(1, false, func(v *product.Versioned) { v.Name = "By hand" })
		for range 10 * 60 * 2 {
			time.Sleep(500 * time.Millisecond)
			c.text(t, 1)
		}
		if got := c.text(t, 1); !strings.HasPrefix(got, "1 By hand") || s.readCount() != 2 {
			t.Errorf("%s, %d reads", got, s.readCount())
		}
	})
}

func TestTheMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := newShop()
	c := newCache(s)
	for pid := range int64(2000) {
		s.change(pid+1, true, func(v *product.Versioned) { v.Description = strings.Repeat("x", 1000) })
		c.text(t, pid+1)
	}
	for deadline := time.Now().Add(10 * time.Second); c.Bytes() > config().Bytes; { // it evicts in the background
		if time.Now().After(deadline) {
			t.Fatalf("%s bytes", strconv.FormatUint(c.Bytes(), 10))
		}
		time.Sleep(time.Millisecond)
	}
	if c.Bytes() < config().Bytes/2 {
		t.Errorf("only %d bytes are used", c.Bytes())
	}
}
