package checkout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// someone returns a placement of a user for one piece of each product.
func someone(ctx context.Context, user byte, products ...int64) *placement {
	var wants []order.Want
	for _, pid := range products {
		wants = append(wants, order.Want{ProductID: pid, Quantity: 1})
	}
	basket, err := order.NewBasket(wants)
	if err != nil {
		panic(err)
	}
	return newPlacement(ctx, Request{UserID: id.ID{user}}, basket, store.Unguarded{}, nil)
}

// stopped returns a queue whose committers and lanes are the test.
func stopped() *queue {
	q := newQueue(func([]*placement, row) { panic("no goroutine may start") }, func(*placement) {})
	q.committers, q.lanes.served = maxCommitters, maxServed
	return q
}

func addAll(t *testing.T, q *queue, all ...*placement) {
	t.Helper()
	for _, p := range all {
		if err := q.add(p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	t.Parallel()
	q := stopped()
	all := make([]*placement, maxWaiting+1)
	for i := range all {
		all[i] = someone(t.Context(), 1, 1)
	}
	addAll(t, q, all[:maxWaiting]...)
	if err := q.add(all[maxWaiting]); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	if !q.leave(all[7]) || q.leave(all[7]) || slices.Contains(q.waiting, all[7]) {
		t.Error("it has not left, or twice")
	}
	addAll(t, q, all[maxWaiting])
}

func TestAnOrderThatHasToWaitIsNotOvertaken(t *testing.T) {
	t.Parallel()
	q := stopped()
	first, large, small, other := someone(t.Context(), 1, 1), someone(t.Context(), 2, 1, 2), someone(t.Context(), 3, 2), someone(t.Context(), 4, 3)
	addAll(t, q, first)
	group := q.take()
	addAll(t, q, large, small, other)
	if next := q.take(); !slices.Equal(next, []*placement{other}) {
		t.Errorf("%d orders are taken, want the one of product 3 only", len(next))
	}
	q.release(group)
	if next := q.take(); !slices.Equal(next, []*placement{large, small}) {
		t.Errorf("%d orders are taken, want the two that waited", len(next))
	}
}

// lines returns the ids of n products, from a first one on.
func lines(first, n int64) (products []int64) {
	for pid := first; pid < first+n; pid++ {
		products = append(products, pid)
	}
	return products
}

func TestAGroupHasABoundedNumberOfLines(t *testing.T) {
	t.Parallel()
	q := stopped()
	all := make([]*placement, maxLines/largeLines+1)
	for i := range all {
		all[i] = someone(t.Context(), byte(i), lines(int64(1+i*largeLines), largeLines)...)
	}
	addAll(t, q, all...)
	last := len(all) - 1
	if group := q.take(); !slices.Equal(group, all[:last]) {
		t.Errorf("%d orders are in the group, want %d", len(group), last)
	}
	if group := q.take(); !slices.Equal(group, all[last:]) {
		t.Errorf("%d orders are in the group, want 1", len(group))
	}
}

// A large order has a group of its own. Another one waits for it, and while it does, others
// pass it even if they are about the same products.
func TestLargeOrdersTakeTurns(t *testing.T) {
	t.Parallel()
	q := stopped()
	a, b, c := someone(t.Context(), 1, 1), someone(t.Context(), 2, lines(2, largeLines+1)...), someone(t.Context(), 3, lines(2, largeLines+1)...)
	d, e, f := someone(t.Context(), 4, 2), someone(t.Context(), 5, 1000), someone(t.Context(), 6, lines(2000, largeLines+1)...)
	h := someone(t.Context(), 8, 2001)
	addAll(t, q, a, b, c, d, e, f, h)
	take := func(want ...*placement) []*placement {
		t.Helper()
		group := q.take()
		if !slices.Equal(group, want) {
			t.Errorf("%d orders are taken, want %d", len(group), len(want))
		}
		return group
	}
	first := take(a, e, h) // d must not overtake b; only b reserves its rows
	large := take(b)
	take() // d needs a row that b has, f waits for b
	q.release(first)
	g := someone(t.Context(), 7, 2000)
	addAll(t, q, g)
	take(g) // c and f are passed
	q.release(large)
	take(c)
}

// Somebody who holds a row for long stops only the orders of that row.
func TestAFullLaneStopsNoOtherOrders(t *testing.T) {
	t.Parallel()
	q := stopped()
	q.lanes.enter(someone(t.Context(), 1, 1), stockRow(1))
	for range maxInLane - 1 {
		addAll(t, q, someone(t.Context(), 1, 1))
		q.take()
	}
	if err := q.add(someone(t.Context(), 1, 1, 2)); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	for range maxWaiting {
		addAll(t, q, someone(t.Context(), 2, 2))
	}
	if orders, inLanes, lanes := (&Service{queue: q}).Waiting(); orders != maxWaiting || inLanes != maxInLane || lanes != 1 {
		t.Errorf("%d orders wait, %d in %d lanes", orders, inLanes, lanes)
	}
}

func TestOnlyTheOrdersOfARowThatIsHeldGoToItsLane(t *testing.T) {
	t.Parallel()
	q := stopped()
	held, both, other := someone(t.Context(), 1, 1), someone(t.Context(), 2, 1, 2), someone(t.Context(), 3, 2)
	addAll(t, q, held)
	group := q.take()
	held.blocked = stockRow(1)
	q.release(group)
	if decided := q.moveBlocked(group); len(decided) > 0 || q.lanes.size != 1 {
		t.Errorf("%d are decided, %d wait", len(decided), q.lanes.size)
	}
	addAll(t, q, both, other)
	if group := q.take(); !slices.Equal(group, []*placement{other}) {
		t.Errorf("%d orders are taken, want the one without the row", len(group))
	}
	r, lane := q.takeFromLane()
	if r != stockRow(1) || !slices.Equal(lane, []*placement{held, both}) {
		t.Errorf("%d orders are in the lane of %v", len(lane), r)
	}
	q.lanes.release(r)
	if len(q.lanes.byRow)+q.lanes.size+len(q.wanted) > 0 {
		t.Error("the lane is still open")
	}
}

func TestLanesAreServedInTurn(t *testing.T) {
	t.Parallel()
	q := stopped()
	var want []row
	for range 2 * maxOrders {
		q.lanes.enter(someone(t.Context(), 1, 1), stockRow(1))
	}
	q.lanes.enter(someone(t.Context(), 2, 2), stockRow(2))
	leaves := someone(t.Context(), 3, 3)
	q.lanes.enter(leaves, stockRow(3))
	q.leave(leaves)
	for r, group := q.takeFromLane(); len(group) > 0; r, group = q.takeFromLane() {
		want = append(want, r)
		q.lanes.release(r)
	}
	if !slices.Equal(want, []row{stockRow(1), stockRow(2), stockRow(1)}) || q.lanes.size != 0 {
		t.Errorf("%v, %d wait", want, q.lanes.size)
	}
}

func TestAnOrderThatWasMovedTooOftenWaitsForAllOfItsRows(t *testing.T) {
	t.Parallel()
	p, other := someone(t.Context(), 1, 1, 2), someone(t.Context(), 2, 3)
	if n := needsOf([]*placement{p, other}, stockRow(1)); !slices.Equal(n.Wait.Products, []int64{1}) || len(n.Wait.Wallets) > 0 {
		t.Errorf("%+v", n.Wait)
	}
	p.moves = maxMoves
	n := needsOf([]*placement{p, other}, stockRow(1))
	if !slices.Equal(n.Wait.Products, []int64{1, 1, 2}) || len(n.Wait.Wallets) != 1 || !slices.Equal(n.Products, []int64{1, 2, 3}) {
		t.Errorf("%+v", n)
	}
}

// Whatever arrives and ends: groups under way share no row, no order overtakes another one
// that needs the same row, and all are taken in the end.
func TestGroupsAreFairAndNeverMeet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		q := stopped()
		var arrived []*placement
		var under [][]*placement
		taken := map[*placement]bool{}
		take := func() {
			group := q.take()
			for _, p := range group {
				for _, before := range arrived[:slices.Index(arrived, p)] {
					if !taken[before] && meet(before, p) && !slices.Contains(group, before) {
						r.Fatal("an order was overtaken")
					}
				}
				for _, other := range slices.Concat(under...) {
					if meet(other, p) {
						r.Fatal("two groups meet")
					}
				}
			}
			for _, p := range group {
				taken[p] = true
			}
			if len(group) > 0 {
				under = append(under, group)
			}
		}
		finish := func() {
			if len(under) > 0 {
				i := rapid.IntRange(0, len(under)-1).Draw(r, "group")
				q.release(under[i])
				under = slices.Delete(under, i, i+1)
			}
		}
		arrive := func() {
			products := rapid.SliceOfNDistinct(rapid.Int64Range(1, 5), 1, 3, rapid.ID).Draw(r, "products")
			p := someone(t.Context(), rapid.Byte().Draw(r, "user")%6, products...)
			arrived = append(arrived, p)
			addAll(t, q, p)
		}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			rapid.SampledFrom([]func(){arrive, arrive, take, finish}).Draw(r, "step")()
		}
		for len(taken) < len(arrived) {
			before := len(taken)
			take()
			if len(under) == 0 && len(taken) == before {
				r.Fatal("an order waits for ever")
			}
			finish()
		}
	})
}

func meet(a, b *placement) bool {
	return slices.ContainsFunc(a.rows, func(r row) bool { return slices.Contains(b.rows, r) })
}

// Nobody knows for how long a row is held that was not free in time.
func TestAllOrdersOfARowThatIsNotFreeInTimeAreRefused(t *testing.T) {
	t.Parallel()
	q := stopped()
	group := []*placement{someone(t.Context(), 1, 1)}
	late, other := someone(t.Context(), 2, 1), someone(t.Context(), 3, 2)
	q.lanes.enter(group[0], stockRow(1))
	if r, taken := q.takeFromLane(); r != stockRow(1) || len(taken) != 1 {
		t.Fatalf("%v, %d", r, len(taken))
	}
	q.lanes.enter(late, stockRow(1))
	q.lanes.enter(other, stockRow(2))
	group[0].err = fmt.Errorf("place: %w", store.ErrBusy)
	refused := q.refuseBusy(stockRow(1), group)
	q.lanes.release(stockRow(1))
	if !slices.Equal(refused, []*placement{late}) || !late.taken || !errors.Is(late.err, store.ErrBusy) || q.lanes.size != 1 || other.taken {
		t.Errorf("%d are refused, %d wait", len(refused), q.lanes.size)
	}
	if r, left := q.takeFromLane(); r != stockRow(2) || len(left) != 1 {
		t.Errorf("the next lane is %v with %d", r, len(left))
	}
	for _, err := range []error{nil, sqlstore.ErrUnavailable, store.ErrCommitUnknown} {
		if group[0].err = err; len(q.refuseBusy(stockRow(2), group)) > 0 {
			t.Errorf("orders are refused after %v", err)
		}
	}
}
