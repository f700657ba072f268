package near_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api/near"
	"github.com/loopers-commerce/commerce/internal/base/coded"
)

// book has one page: a number.
type book struct {
	number, reads atomic.Int64
	takes         time.Duration
	missing       atomic.Bool
}

func (b *book) read(_ context.Context, url string) (coded.Answer, bool) {
	b.reads.Add(1)
	n := b.number.Load()
	time.Sleep(b.takes)
	return coded.New(fmt.Appendf(nil, "%s %d", url, n), "", nil), !b.missing.Load()
}

// page returns what the page shows.
func page(t *testing.T, p *near.Pages) string {
	t.Helper()
	asked := time.Now()
	a, ok := p.Peek("/list", asked)
	if !ok {
		a, ok = p.Get(t.Context(), "/list", asked)
	}
	if !ok {
		return "missing"
	}
	return string(a.Body())
}

func TestAThousandMissesOfOnePageAreOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{takes: 10 * time.Millisecond}
		p := near.NewPages(config(), b.read)
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if got := page(t, p); got != "/list 0" {
					t.Error(got)
				}
			})
		}
		all.Wait()
		if b.reads.Load() != 1 {
			t.Errorf("%d reads", b.reads.Load())
		}
	})
}

func TestAPageIsNeverOlderThanASecondAndRenewedBeforeAnybodyHasToWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{takes: 50 * time.Millisecond}
		p := near.NewPages(config(), b.read)
		page(t, p)
		began := time.Now()
		for range 500 {
			time.Sleep(10 * time.Millisecond)
			b.number.Store(time.Since(began).Milliseconds())
			asked := time.Now()
			var n int64
			if _, err := fmt.Sscanf(page(t, p), "/list %d", &n); err != nil || time.Since(began).Milliseconds()-n > 1000 {
				t.Fatalf("%v: it shows %d (%v)", time.Since(began), n, err)
			}
			if time.Since(asked) > 0 {
				t.Fatalf("somebody waited at %v", time.Since(began))
			}
		}
		if reads := b.reads.Load(); reads > 8 {
			t.Errorf("%d reads in five seconds", reads)
		}
	})
}

func TestAPageThatWasReadBeforeAChangeIsNotShownAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{takes: 10 * time.Millisecond}
		p := near.NewPages(config(), b.read)
		early := make(chan string, 1)
		go func() { early <- page(t, p) }()
		time.Sleep(5 * time.Millisecond)
		b.number.Store(1)
		p.Drop()
		if got := page(t, p); got != "/list 1" {
			t.Errorf("asked after the change: %s", got)
		}
		if got := <-early; got != "/list 0" {
			t.Errorf("asked before the change: %s", got)
		}
		if got := page(t, p); got != "/list 1" {
			t.Errorf("kept: %s", got)
		}
	})
}

func TestAPageThatIsNotFoundIsNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		p := near.NewPages(config(), b.read)
		b.missing.Store(true)
		if got := page(t, p); got != "missing" {
			t.Error(got)
		}
		b.missing.Store(false)
		if got := page(t, p); got != "/list 0" {
			t.Error(got)
		}
	})
}

// counter counts what it is asked to compress.
type counter struct{ packs atomic.Int64 }

// Pack implements coded.Packer.
func (c *counter) Pack(coded.Coding, []byte) []byte {
	c.packs.Add(1)
	return []byte("packed")
}

func TestAPageThatIsReadAgainAndIsTheSameIsNotCompressedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, text := &counter{}, strings.Repeat("x", 2000)
		p := near.NewPages(config(), func(context.Context, string) (coded.Answer, bool) {
			return coded.New([]byte(text), "", c), true
		})
		for _, wait := range []time.Duration{0, 0, 2 * time.Second} {
			time.Sleep(wait)
			page(t, p)
			a, _ := p.Peek("/list", time.Now())
			if got := string(a.In(coded.Gzip).Body); got != "packed" {
				t.Error(got)
			}
		}
		if n := c.packs.Load(); n != 1 {
			t.Errorf("it was compressed %d times", n)
		}
		time.Sleep(2 * time.Second)
		text = strings.Repeat("y", 2000)
		page(t, p)
		a, _ := p.Peek("/list", time.Now())
		a.In(coded.Gzip)
		if n := c.packs.Load(); n != 2 || a.Body()[0] != 'y' {
			t.Errorf("another page was compressed %d times", n-1)
		}
	})
}

// Between a look at what is kept and the question, the read of others may end.
func TestAQuestionRightAfterAReadIsNoSecondRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, s := &book{}, newShop(1)
		pages, products, asked := near.NewPages(config(), b.read), newCache(s), time.Now()
		ask := func() {
			t.Helper()
			if _, ok := pages.Get(t.Context(), "/list", asked); !ok {
				t.Error("there is no page")
			}
			if _, err := products.Get(t.Context(), 1, asked); err != nil {
				t.Error(err)
			}
		}
		ask()
		ask()
		if b.reads.Load() != 1 || s.readCount() != 1 {
			t.Errorf("%d reads of the page, %d of the product", b.reads.Load(), s.readCount())
		}
		pages.Drop()
		products.Drop(1)
		ask()
		if b.reads.Load() != 2 || s.readCount() != 2 {
			t.Errorf("after a change: %d reads of the page, %d of the product", b.reads.Load(), s.readCount())
		}
	})
}
