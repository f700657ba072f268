package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// customer is somebody who orders at a time, and may leave at another one.
type customer struct {
	at, leaves time.Duration // leaves 0: stays
	user       byte
	products   []int64
}

// script is what happens to a queue.
type script struct {
	customers []customer
	holds     []hold
	takes     []time.Duration // the transactions, in turn
	patience  time.Duration
}

// hold is a row that another program holds for some time.
type hold struct {
	product     int64
	from, until time.Duration
}

func someScript(r *rapid.T) (s script) {
	ms := func(least, most int, what string) time.Duration {
		return time.Duration(rapid.IntRange(least, most).Draw(r, what)) * time.Millisecond
	}
	for range rapid.IntRange(1, 80).Draw(r, "customers") {
		c := customer{at: ms(0, 40, "at"), user: rapid.Byte().Draw(r, "user") % 40}
		if rapid.IntRange(0, 9).Draw(r, "large") == 0 {
			c.products = lines(rapid.Int64Range(1, 30).Draw(r, "first"), largeLines+1)
		} else {
			c.products = rapid.SliceOfNDistinct(rapid.Int64Range(1, 20), 1, 3, rapid.ID).Draw(r, "products")
		}
		if rapid.IntRange(0, 4).Draw(r, "leaves") == 0 {
			c.leaves = c.at + ms(1, 60, "after")
		}
		s.customers = append(s.customers, c)
	}
	slices.SortStableFunc(s.customers, func(a, b customer) int { return int(a.at - b.at) })
	for range rapid.IntRange(0, 8).Draw(r, "holds") {
		h := hold{product: rapid.Int64Range(1, 20).Draw(r, "held"), from: ms(0, 60, "from")}
		h.until = h.from + ms(1, 100, "for")
		s.holds = append(s.holds, h)
	}
	for range 7 {
		s.takes = append(s.takes, ms(1, 15, "takes"))
	}
	s.patience = rapid.SampledFrom([]time.Duration{0, 0, 30 * time.Millisecond}).Draw(r, "patience")
	return s
}

// rowLocks is a database of which only the locks are known.
type rowLocks struct {
	mu     sync.Mutex
	begun  time.Time
	script script
	groups int
	locked map[row]bool
	placed []*placement // in order of their commits
	failed []string
}

// held reports whether another transaction holds a row.
func (d *rowLocks) held(r row) bool {
	now := time.Since(d.begun)
	return d.locked[r] || slices.ContainsFunc(d.script.holds, func(h hold) bool {
		return stockRow(h.product) == r && h.from <= now && now < h.until
	})
}

// lock locks the rows of a group: it waits for those that it must have, and skips others.
func (d *rowLocks) lock(group []*placement, wait row) (mine map[row]bool, takes time.Duration) {
	must := map[row]bool{}
	if wait != (row{}) {
		must[wait] = true
	}
	for _, p := range group {
		for _, r := range p.rows {
			must[r] = must[r] || p.moves >= maxMoves
		}
	}
	for {
		d.mu.Lock()
		free := true
		for r, needed := range must {
			free = free && (!needed || !d.held(r))
		}
		if free {
			break
		}
		d.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	defer d.mu.Unlock()
	mine = map[row]bool{}
	for r := range must {
		if !d.held(r) {
			mine[r], d.locked[r] = true, true
		}
	}
	d.groups++
	return mine, d.script.takes[d.groups%len(d.script.takes)]
}

func (d *rowLocks) place(group []*placement, wait row) {
	mine, takes := d.lock(group, wait)
	time.Sleep(takes)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.check(group, wait)
	for _, p := range group {
		p.reset()
		i := slices.IndexFunc(p.rows, func(r row) bool { return !mine[r] })
		switch {
		case p.ctx.Err() != nil:
			p.err = p.ctx.Err()
		case i >= 0:
			p.blocked = p.rows[i]
		default:
			d.placed = append(d.placed, p)
		}
	}
	for r := range mine {
		delete(d.locked, r)
	}
}

func (d *rowLocks) check(group []*placement, wait row) {
	total, large := 0, 0
	for _, p := range group {
		total += p.lines()
		if p.large() {
			large++
		}
	}
	if len(group) > maxOrders || total > maxLines || wait == (row{}) && large > 0 && len(group) > 1 {
		d.failed = append(d.failed, fmt.Sprintf("a group has %d orders, %d large ones, %d lines", len(group), large, total))
	}
}

// play plays a script, and returns the placements in order of arrival.
func (d *rowLocks) play(ctx context.Context) (arrived []*placement, answers []int, errs []error) {
	count := map[*placement]int{}
	s := &Service{}
	s.queue = newQueue(d.place, func(p *placement) {
		d.mu.Lock()
		defer d.mu.Unlock()
		count[p]++
		close(p.done)
	})
	s.queue.crowd = Crowd{Patience: d.script.patience, Clock: time.Now}
	var all sync.WaitGroup
	errs = make([]error, len(d.script.customers))
	for i, c := range d.script.customers {
		time.Sleep(c.at - time.Since(d.begun))
		p := someone(until(ctx, c.leaves-c.at), c.user, c.products...)
		arrived = append(arrived, p)
		if errs[i] = s.queue.add(p); errs[i] == nil {
			all.Go(func() { _, errs[i] = s.wait(p.ctx, p) })
		}
	}
	all.Wait()
	time.Sleep(time.Second) // transactions whose callers have left
	q := s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(q.waiting)+len(q.wanted)+len(q.held)+q.committers+q.lanes.size+len(q.lanes.byRow)+q.lanes.served > 0 || q.large {
		d.failed = append(d.failed, "something is left in the queue")
	}
	for _, p := range arrived {
		answers = append(answers, count[p])
	}
	return arrived, answers, errs
}

// until returns a context that ends after a time; 0 or less: with ctx.
func until(ctx context.Context, d time.Duration) context.Context {
	if d <= 0 {
		return ctx
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// Whatever arrives, leaves, is held by others and takes long: every order has one outcome,
// and of those that nobody else has held up, no order overtakes another one of the same row.
func TestNoOrderIsLostAnsweredTwiceOrOvertaken(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		d := &rowLocks{script: someScript(r), locked: map[row]bool{}}
		synctest.Test(t, func(t *testing.T) {
			d.begun = time.Now()
			arrived, answers, errs := d.play(t.Context())
			d.judge(arrived, answers, errs)
		})
		for _, text := range d.failed {
			r.Error(text)
		}
	})
}

func (d *rowLocks) judge(arrived []*placement, answers []int, errs []error) {
	for i, p := range arrived {
		c, at := d.script.customers[i], slices.Index(d.placed, p)
		left, refused := c.leaves > 0 && errors.Is(errs[i], context.DeadlineExceeded), d.script.patience > 0 && errors.Is(errs[i], ErrBusy)
		switch {
		case errs[i] == nil && (at < 0 || answers[i] != 1), refused && (at >= 0 || answers[i] != 0), answers[i] > 1,
			errs[i] != nil && !left && !refused:
			d.failed = append(d.failed, fmt.Sprintf("order %d has ended %d times, and is placed at %d: %v", i, answers[i], at, errs[i]))
		}
		for j, before := range arrived[:i] {
			first := slices.Index(d.placed, before)
			heldUp := before.lane != (row{}) || p.lane != (row{}) || before.large() && !p.large()
			if !heldUp && at >= 0 && first > at && meet(before, p) {
				d.failed = append(d.failed, fmt.Sprintf("order %d has overtaken %d", i, j))
			}
		}
	}
}
