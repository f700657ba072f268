package recount_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/checkout"
	"github.com/loopers-commerce/commerce/internal/app/recount"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/app/verify"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// pipe is what lies between a shop and its counters: a relay, a topic of one partition and
// a streamer.
type pipe struct {
	*shoptest.Shop

	t     *testing.T
	count *tally.Tally

	atReach, atRead func() // called once, if there is one

	mu   sync.Mutex
	log  []event.Opened
	done int
}

// once calls a function the first time.
func once(f *func()) {
	if do := *f; do != nil {
		*f = nil
		do()
	}
}

type noBoard struct{}

func (noBoard) Set(context.Context, clock.Day, int64, []ranking.Score) error { return nil }

func newPipe(s *shoptest.Shop) *pipe {
	return &pipe{Shop: s, t: s.T, count: tally.New(s.DB, noBoard{}, time.Now, quiet())}
}

// relay sends what is in the outbox, and then deletes it there.
func (p *pipe) relay(ctx context.Context) error {
	lanes := []int{0, 1, 2, 3, 4, 5, 6, 7}
	var records []store.OutboxRecord
	err := p.DB.View(ctx, func(tx store.Tx) (err error) {
		records, err = tx.Outbox.Next(ctx, lanes, 50)
		return err
	})
	if err != nil || len(records) == 0 {
		return err
	}
	var seqs []int64
	p.mu.Lock()
	for _, r := range records {
		o := event.Opened{Envelope: r.Envelope}
		if o.Event, err = r.Envelope.Open(); err == nil {
			p.log = append(p.log, o)
		}
		seqs = append(seqs, r.Seq)
	}
	p.mu.Unlock()
	return p.DB.Update(ctx, func(tx store.Tx) error { tx.Outbox.DeletePublished(seqs); return nil })
}

// next returns the events that the streamer has not processed.
func (p *pipe) next() (batch []event.Opened, from int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log[p.done:], p.done
}

func (p *pipe) commit(offset int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = offset
}

// stream counts what is in the topic, except events that are lost.
func (p *pipe) stream(ctx context.Context, lost func(n int) bool) error {
	batch, from := p.next()
	var kept []event.Opened
	for i, o := range batch {
		if !lost(from + i) {
			kept = append(kept, o)
		}
	}
	if err := p.count.Handle(ctx, kept); err != nil {
		return err
	}
	p.commit(from + len(batch))
	return nil
}

// Reach implements recount.Queue.
func (p *pipe) Reach(context.Context) (recount.Reader, error) {
	p.mu.Lock()
	from, end := p.done, len(p.log)
	p.mu.Unlock()
	once(&p.atReach)
	return func(_ context.Context, yield func(event.Opened, bool) error) error {
		once(&p.atRead)
		p.mu.Lock()
		all := p.log
		p.mu.Unlock()
		for i := from; i < len(all); i++ {
			if err := yield(all[i], i < end); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func none(int) bool  { return false }
func every(int) bool { return true }

// drain sends and counts everything.
func (p *pipe) drain(lost func(n int) bool) {
	p.t.Helper()
	for {
		before := len(p.log)
		if err := errors.Join(p.relay(p.t.Context()), p.stream(p.t.Context(), lost)); err != nil {
			p.t.Fatal(err)
		}
		if len(p.log) == before {
			return
		}
	}
}

func (p *pipe) rebuild(apply bool) []recount.Change {
	p.t.Helper()
	today := clock.DayOf(time.Now())
	first := today.Add(-1)
	if p.atRead != nil || p.atReach != nil {
		first = today // the hook is for the sales of today
	}
	changes, err := recount.New(p.DB, p, time.Now, quiet()).Rebuild(p.t.Context(), recount.Request{
		First: first, Last: today, Actor: "mina", Reason: "retention was too short", Apply: apply,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return changes
}

// differences returns what commerce verify finds about events.
func (p *pipe) differences() (n int64) {
	p.t.Helper()
	results, err := verify.New(p.DB).Once(p.t.Context(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, r := range results {
		n += int64(len(r.Differences)) + r.More
	}
	return n
}

func (p *pipe) rebuilds() (found []metric.Rebuild) {
	p.t.Helper()
	err := p.DB.View(p.t.Context(), func(tx store.Tx) (err error) {
		found, err = tx.Rebuilds.Latest(p.t.Context(), 100)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

// customer is somebody who buys, cancels, likes and takes likes back.
type customer struct {
	*pipe

	id       id.ID
	products []int64
}

func (c customer) act(ctx context.Context, n int) error {
	pid := c.products[n%len(c.products)]
	o, err := c.Checkout.Place(ctx, checkout.Request{
		UserID: c.id, Lines: []order.Want{{ProductID: pid, Quantity: int64(1 + n%3)}},
	}, store.Unguarded{})
	if err == nil && n%4 == 0 {
		_, err = c.Checkout.Cancel(ctx, c.id, o.ID, "too many", store.Unguarded{})
	}
	if err == nil {
		err = c.Likes.Like(ctx, c.id, pid)
	}
	if err == nil && n%3 == 0 {
		err = c.Likes.Unlike(ctx, c.id, pid)
	}
	return err
}

func (p *pipe) customers(n int, products ...int64) (all []customer) {
	for range n {
		all = append(all, customer{p, p.Customer(p.t, 50_000_000), products})
	}
	return all
}

func TestLostEventsAreCountedAgain(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]func(int) bool{
		"all of them":  every,
		"some of them": func(n int) bool { return n%3 == 1 },
		"none":         none,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
				p := newPipe(s)
				for _, c := range p.customers(3, s.Product(s.T, 1_000, 1_000), s.Product(s.T, 2_000, 1_000)) {
					for n := range 12 {
						if err := c.act(s.T.Context(), n); err != nil {
							s.T.Fatal(err)
						}
					}
				}
				p.drain(lost)
				views := func() (n int64) {
					for _, c := range p.rebuild(false) {
						n += c.Before.Views
					}
					return n
				}
				before, wrong := views(), p.differences()
				if (wrong == 0) != (name == "none") {
					s.T.Fatalf("%d differences", wrong)
				}
				p.rebuild(false)
				if n := p.differences(); n != wrong {
					s.T.Errorf("a dry run has changed something: %d differences, %d before", n, wrong)
				}
				p.rebuild(true)
				if n := p.differences(); n != 0 {
					s.T.Errorf("%d differences are left", n)
				}
				notes := len(p.rebuilds())
				if (notes == 0) != (name == "none") {
					s.T.Errorf("%d notes", notes)
				}
				p.rebuild(true)
				if n := len(p.rebuilds()); n != notes || p.differences() != 0 || views() != before {
					s.T.Errorf("the second rebuild has changed something: %d notes, %d before", n, notes)
				}
			})
		})
	}
}

func TestWhatWaitsIsNotCountedTwice(t *testing.T) {
	t.Parallel()
	for name, advance := range map[string]func(*pipe) error{
		"in the outbox": func(*pipe) error { return nil },
		"in Kafka":      func(p *pipe) error { return errors.Join(p.relay(t.Context()), p.relay(t.Context())) },
		"in both": func(p *pipe) error {
			err := p.relay(t.Context())
			p.mu.Lock()
			defer p.mu.Unlock()
			p.log = append(p.log, p.log...) // and twice
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnSQLite(t, func(s *shoptest.Shop) {
				p := newPipe(s)
				c := p.customers(1, s.Product(s.T, 1_000, 1_000))[0]
				for n := range 20 {
					if err := c.act(s.T.Context(), n); err != nil {
						s.T.Fatal(err)
					}
					if n == 10 {
						p.drain(every) // these are lost
					}
				}
				if err := advance(p); err != nil {
					s.T.Fatal(err)
				}
				p.rebuild(true)
				p.drain(none)
				if n := p.differences(); n != 0 {
					s.T.Errorf("%d differences: what waited was counted twice, or not at all", n)
				}
			})
		})
	}
}

func TestEventsThatAreSentWhileTheSnapshotBegins(t *testing.T) {
	t.Parallel()
	for name, hook := range map[string]func(p *pipe, act func()){
		"after it, and sent at once":  func(p *pipe, act func()) { p.atRead = act },
		"before it, and sent at once": func(p *pipe, act func()) { p.atReach = act },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
				p := newPipe(s)
				c := p.customers(1, s.Product(s.T, 1_000, 1_000))[0]
				act := func(n int) {
					if err := c.act(s.T.Context(), n); err != nil {
						s.T.Fatal(err)
					}
				}
				act(1)
				p.drain(every) // it is lost
				hook(p, func() {
					act(2)
					act(3)
					if err := p.relay(s.T.Context()); err != nil {
						s.T.Fatal(err)
					}
				})
				p.rebuild(true)
				p.drain(none)
				if n := p.differences(); n != 0 {
					s.T.Errorf("%d differences: what came meanwhile was counted twice, or not at all", n)
				}
			})
		})
	}
}

func TestWhatCannotBeRebuilt(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		p, today := newPipe(s), clock.DayOf(time.Now())
		old := clock.Day(20240110)
		err := p.DB.Update(t.Context(), func(tx store.Tx) error {
			tx.Metrics.Add([]metric.Counters{{ProductID: 1, Day: old, Views: 1}})
			return nil
		})
		if err == nil {
			err = p.DB.Update(t.Context(), func(tx store.Tx) error {
				_, _, err := tx.Months.RollUp(t.Context(), metric.MonthOf(old), 0, 10)
				return err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]struct {
			request recount.Request
			want    error
		}{
			"backwards":   {recount.Request{First: today, Last: today.Add(-1)}, recount.ErrDays},
			"tomorrow":    {recount.Request{First: today, Last: today.Add(1)}, recount.ErrDays},
			"rolled up":   {recount.Request{First: old, Last: old}, recount.ErrRolled},
			"partly":      {recount.Request{First: old.Add(-40), Last: today}, recount.ErrRolled},
			"no reason":   {recount.Request{First: today, Last: today, Apply: true, Actor: "kim", Reason: " \u200b"}, fault.ErrValidation},
			"no actor":    {recount.Request{First: today, Last: today, Apply: true, Actor: "k\u202em", Reason: "x"}, fault.ErrValidation},
			"nothing odd": {recount.Request{First: today, Last: today}, nil},
		} {
			if _, err := recount.New(p.DB, p, time.Now, quiet()).Rebuild(t.Context(), r.request); !errors.Is(err, r.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestRebuildsWhileEventsAreCounted(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		p := newPipe(s)
		all := p.customers(3, s.Product(s.T, 1_000, 10_000), s.Product(s.T, 2_000, 10_000), s.Product(s.T, 3_000, 10_000))
		lost := func(n int) bool { return n%5 == 2 }
		ctx, stop := context.WithCancel(s.T.Context())
		var behind sync.WaitGroup
		again := func(do func(context.Context) error) {
			behind.Go(func() {
				for ctx.Err() == nil {
					if err := do(ctx); err != nil && ctx.Err() == nil {
						s.T.Error(err)
						return
					}
				}
			})
		}
		again(p.relay)
		again(func(ctx context.Context) error { return p.stream(ctx, lost) })
		var acting sync.WaitGroup
		for _, c := range all {
			acting.Go(func() {
				for n := range 40 {
					if err := c.act(ctx, n); err != nil {
						s.T.Error(err)
						return
					}
				}
			})
		}
		for range 5 {
			p.rebuild(true)
		}
		acting.Wait()
		stop()
		behind.Wait()
		p.drain(lost)
		p.rebuild(true)
		if n := p.differences(); n != 0 {
			s.T.Errorf("%d differences", n)
		}
	})
}
