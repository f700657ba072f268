package audit

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

// mostSteps bounds the events of a timeline. An order has about ten.
const mostSteps = 1_000

// Timeline is what happened to an order.
type Timeline struct {
	Order order.Order // as it is now
	Steps []Step      // in order
	// Complete reports whether the steps begin with the placing of the order and none is
	// left out. Older ones may have been deleted; new ones may be on their way.
	Complete bool
}

// Step is an event in a timeline.
type Step struct {
	store.LoggedEvent

	// Effects are what was taken and given back together with the event: in the same
	// transaction.
	Effects []Effect
}

// Effect is a change of stock, points or a coupon.
type Effect struct {
	Subject Subject
	ID      string // of the product or the owned coupon; of points: empty
	Change  int64  // pieces, won, or 1 coupon; negative if it was taken
}

// Subject is what an effect changes.
type Subject string

// The subjects.
const (
	Stock  Subject = "STOCK"
	Points Subject = "POINTS"
	Coupon Subject = "COUPON"
)

// Timeline returns the events of an order, or order.ErrNotFound. The log follows the
// shop by the time that events take to get there.
func (s *Service) Timeline(ctx context.Context, orderID id.ID) (t Timeline, err error) {
	var found []store.LoggedEvent
	err = s.db.View(ctx, func(tx store.Tx) (err error) {
		if t.Order, err = tx.Orders.Get(ctx, orderID); err != nil {
			return err
		}
		found, err = tx.Events.OfOrder(ctx, orderID, mostSteps+1)
		return err
	})
	if err != nil {
		return t, err
	}
	cut := len(found) > mostSteps
	taken := takenBy(t.Order)
	for _, e := range inOrder(found[:min(len(found), mostSteps)], orderID.String()) {
		step := Step{LoggedEvent: e}
		switch e.Type {
		case event.OrderPlaced{}.Type():
			step.Effects = taken
		case event.OrderCancelled{}.Type(), event.OrderFailed{}.Type(), event.OrderExpired{}.Type():
			step.Effects = givenBack(taken)
		}
		t.Steps = append(t.Steps, step)
	}
	t.Complete = !cut && len(t.Steps) > 0 && t.Steps[0].Type == event.OrderPlaced{}.Type()
	return t, nil
}

// inOrder returns the events of an order, and those that it has caused, in the order in
// which they happened. The clocks of two programs may differ, so the events with the key
// of the order go by their place in Kafka, where a key is in order. The others go between
// them by time: after those of the same transaction, which have the same time.
func inOrder(found []store.LoggedEvent, key string) []store.LoggedEvent {
	var own, caused []store.LoggedEvent
	for _, e := range found {
		if e.Key == key {
			own = append(own, e)
		} else {
			caused = append(caused, e)
		}
	}
	sortByPlace(own)
	sorted := make([]store.LoggedEvent, 0, len(found))
	var at time.Time
	for _, e := range own {
		if e.Time.After(at) {
			at = e.Time
		}
		for len(caused) > 0 && caused[0].Time.Before(at) {
			sorted, caused = append(sorted, caused[0]), caused[1:]
		}
		sorted = append(sorted, e)
	}
	return append(sorted, caused...)
}

// sortByPlace sorts the events of a key by their offsets. The number of partitions may have
// grown meanwhile: then those of the partition with the earliest event come first.
func sortByPlace(all []store.LoggedEvent) {
	type place struct {
		topic     string
		partition int32
	}
	of := func(e store.LoggedEvent) place { return place{e.Topic, e.Partition} }
	began := map[place]time.Time{}
	for _, e := range all {
		if at, known := began[of(e)]; !known || e.Time.Before(at) {
			began[of(e)] = e.Time
		}
	}
	slices.SortFunc(all, func(a, b store.LoggedEvent) int {
		return cmp.Or(began[of(a)].Compare(began[of(b)]), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
}

// takenBy returns what was taken for a new order.
func takenBy(o order.Order) (effects []Effect) {
	for _, l := range o.Lines {
		effects = append(effects, Effect{Stock, strconv.FormatInt(l.ProductID, 10), -l.Quantity})
	}
	if o.Points > 0 {
		effects = append(effects, Effect{Points, "", -int64(o.Points)})
	}
	if o.Coupon != nil {
		effects = append(effects, Effect{Coupon, o.Coupon.ID.String(), -1})
	}
	return effects
}

// givenBack returns the opposite of what was taken: an order that dies gives back all.
func givenBack(taken []Effect) []Effect {
	back := slices.Clone(taken)
	for i := range back {
		back[i].Change = -back[i].Change
	}
	return back
}
