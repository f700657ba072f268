package tally

import (
	"context"
	"errors"
	"slices"
	"sync"
)

const (
	// atOnce is how many transactions count at a time. One would leave the database idle
	// while another one is prepared or waits for the disk.
	atOnce = 2
	// mostTogether bounds the events that one transaction counts for several batches.
	mostTogether = 12_000
)

// together lets a few transactions count at a time. Batches that come meanwhile wait, and
// the next transaction counts all of them: many small batches of many partitions cost one
// commit, and their marks are neighbours in the index.
type together struct {
	mu      sync.Mutex
	running int
	waiting []*member
}

// member is a batch that is to be counted.
type member struct {
	events []contribution
	alone  bool         // it is counted without others, because with them it failed
	turn   chan outcome // has what happened to it, once
	group  []*member    // that it counts, itself first; set before its turn
	taken  bool         // it waits no more
}

// outcome says that a member counts its group, or that another member has counted it.
type outcome struct {
	leads bool
	err   error
}

// errNotCounted says that the member that counted for others has not finished.
var errNotCounted = errors.New("tally: the events were not counted")

// do counts events, alone or with others, by calling count. If a transaction for several
// batches fails, each is counted alone: so the error of a batch is its own.
func (g *together) do(ctx context.Context, events []contribution, count func(context.Context, []contribution) error) error {
	m := &member{events: events}
	for {
		m.turn, m.taken = make(chan outcome, 1), false
		g.join(m)
		o := g.await(ctx, m)
		switch {
		case o.leads && len(m.group) == 1:
			return g.lead(ctx, m, count)
		case o.leads:
			o.err = g.lead(ctx, m, count)
		}
		if o.err == nil || ctx.Err() != nil {
			return o.err
		}
		m.alone = true
	}
}

// lead counts the group of a member, and tells the others.
func (g *together) lead(ctx context.Context, m *member, count func(context.Context, []contribution) error) (err error) {
	group := m.group
	err = errNotCounted // if count panics
	defer func() {
		for _, other := range group[1:] {
			other.turn <- outcome{err: err}
		}
		g.leave()
	}()
	all := m.events
	if len(group) > 1 {
		all = slices.Clone(all)
		for _, other := range group[1:] {
			all = append(all, other.events...)
		}
	}
	err = count(ctx, all)
	return err
}

// join makes a member wait, or lead if there is room.
func (g *together) join(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, m)
	if g.running < atOnce {
		g.running++
		g.next()
	}
}

// leave ends a transaction, and lets the next one begin.
func (g *together) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.running--
		return
	}
	g.next()
}

// next makes the first member that waits lead those behind it. The caller holds the lock.
func (g *together) next() {
	first, n := g.waiting[0], 1
	for size := len(first.events); !first.alone && n < len(g.waiting) && !g.waiting[n].alone; n++ {
		if size += len(g.waiting[n].events); size > mostTogether {
			break
		}
	}
	first.group = slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	for _, m := range first.group {
		m.taken = true
	}
	first.turn <- outcome{leads: true}
}

// await returns what happened to a member. If its context ends first, it waits no more;
// a member that leads others does so, because they wait for it.
func (g *together) await(ctx context.Context, m *member) outcome {
	select {
	case o := <-m.turn:
		return o
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !m.taken {
		g.waiting = slices.DeleteFunc(g.waiting, func(other *member) bool { return other == m })
	}
	select {
	case o := <-m.turn:
		return o
	default:
		return outcome{err: ctx.Err()}
	}
}
