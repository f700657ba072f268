package checkout

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// steady returns a service whose groups each take about 40 ms, so that 3,200 orders are
// placed in a second. They take a second if slow is set.
func steady(slow *bool) *Service {
	s := &Service{}
	var groups atomic.Int64
	s.queue = newQueue(func([]*placement, row) {
		time.Sleep(each + time.Duration(groups.Add(1)%5-2)*time.Millisecond)
		if slow != nil && *slow {
			time.Sleep(time.Second - each)
		}
	}, func(p *placement) { close(p.done) })
	s.queue.crowd = Crowd{Patience: patience, Clock: time.Now}
	return s
}

const (
	patience = 300 * time.Millisecond
	each     = 40 * time.Millisecond
)

// attempt is one order, when it was sent and how it ended.
type attempt struct {
	took time.Duration
	err  error
}

// crowd sends orders at even intervals for a second, whatever becomes of them. Each is of
// a product of its own.
func crowd(ctx context.Context, s *Service, every time.Duration) []attempt {
	var all sync.WaitGroup
	outcomes := make([]attempt, time.Second/every)
	for i := range outcomes {
		all.Go(func() {
			p, begun := someone(ctx, byte(i), int64(i)+1), time.Now()
			p.rows = p.rows[1:] // not the wallet: there are fewer users
			err := s.queue.add(p)
			if err == nil {
				_, err = s.wait(ctx, p)
			}
			outcomes[i] = attempt{time.Since(begun), err}
		})
		time.Sleep(every)
	}
	all.Wait()
	return outcomes
}

// Five times as many orders arrive as can be placed: as many are placed as can be, each
// within the patience and one group, and most of the others learn at once that they are
// not.
func TestACrowdDoesNotSlowAcceptedOrdersDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		outcomes := crowd(t.Context(), steady(nil), time.Second/16_000)
		placed, late := 0, 0
		for _, o := range outcomes {
			switch {
			case o.err == nil && o.took <= patience+2*each:
				placed++
			case o.err == nil:
				t.Fatalf("an order took %v", o.took)
			case !errors.Is(o.err, ErrBusy):
				t.Fatal(o.err)
			case o.took > 0:
				late++
			}
		}
		if placed < 3_600 || late > 600 { // until the pace is known, too many are let in
			t.Errorf("%d orders are placed, %d are refused after a wait", placed, late)
		}
	})
}

func TestABurstThatCanBePlacedIsNotRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := steady(nil)
		for _, every := range []time.Duration{time.Second / 16_000, time.Second / 1_500, time.Second / 20} {
			crowd(t.Context(), s, every)
			time.Sleep(time.Hour)
			var all sync.WaitGroup
			for i := range 600 { // at once
				all.Go(func() {
					p := someone(t.Context(), 1, int64(i)+1)
					p.rows = p.rows[1:]
					err := s.queue.add(p)
					if err == nil {
						_, err = s.wait(t.Context(), p)
					}
					if err != nil {
						t.Errorf("order %d of a burst after one every %v: %v", i, every, err)
					}
				})
			}
			all.Wait()
		}
	})
}

// The database hangs: orders are refused when the patience with them ends, and then as
// they arrive. All of those have had no effect. Afterwards all is as before.
func TestOrdersDoNotWaitForADatabaseThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := true
		s := steady(&slow)
		refused := 0
		for _, o := range crowd(t.Context(), s, time.Second/12_000) {
			if o.took > patience+time.Second+each {
				t.Fatalf("an order took %v: %v", o.took, o.err)
			}
			if o.err != nil {
				refused++
			}
		}
		if refused < 11_000 || len(s.queue.wanted)+len(s.queue.held) > 0 {
			t.Errorf("%d are refused", refused)
		}
		slow = false
		for range 3 {
			crowd(t.Context(), s, time.Second/12_000)
		}
		for i, o := range crowd(t.Context(), s, time.Second/2_500) {
			if o.err != nil {
				t.Fatalf("order %d: %v", i, o.err)
			}
		}
	})
}
