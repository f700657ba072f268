package conformance

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/domain/order"
	"github.com/loopers-commerce/commerce/internal/store"
)

func salesTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"the books have the lines of paid orders and all counters, by product": salesBooks,
		"the sales of a day begin and end at midnight in Seoul":                salesOfADay,
		"the state of a day's sales changes with a cancellation":               salesState,
	}
}

// book is a row of the books.
type book struct {
	Kind    string
	Product int64
	Row     any
}

// bookkeeper implements store.SalesReader.
type bookkeeper struct{ rows []book }

type soldAt struct {
	Line order.Line
	At   time.Time
}

func (b *bookkeeper) Sold(l order.Line, at time.Time) error {
	b.rows = append(b.rows, book{"sold", l.ProductID, soldAt{l, at}})
	return nil
}

func (b *bookkeeper) Counted(c metric.Counters) error {
	b.rows = append(b.rows, book{"counted", c.ProductID, c})
	return nil
}

func (b *bookkeeper) Rolled(c metric.Counters) error {
	b.rows = append(b.rows, book{"rolled", c.ProductID, c})
	return nil
}

func salesBooks(s *shop) {
	u := s.user()
	paid, cancelled := s.placed(u), s.placed(u)
	pending := s.order(u.ID, s.product(s.brand().ID, 1))
	first, second := paid.Lines[0], paid.Lines[1]
	daily := metric.Sale(first.ProductID, 20251103, 1, first.Price)
	old := metric.Sale(second.ProductID, 20240229, 2, second.Price)
	s.update(func(ctx context.Context, tx store.Tx) error {
		tx.Orders.Add(pending)
		tx.Orders.Save(s.cancelled(cancelled))
		tx.Metrics.Add([]metric.Counters{daily, old})
		_, _, err := tx.Months.RollUp(ctx, 202402, 0, 10)
		return err
	})
	got := read(s, func(ctx context.Context, tx store.Tx) ([]book, error) {
		var b bookkeeper
		err := tx.Sales.Books(ctx, &b)
		return b.rows, err
	})
	if !slices.IsSortedFunc(got, func(a, b book) int { return int(a.Product - b.Product) }) {
		s.Errorf("not in order of product: %+v", got)
	}
	slices.SortFunc(got, func(a, b book) int {
		return int(a.Product-b.Product)*10 + strings.Compare(b.Kind, a.Kind)
	})
	old.Day = 20240201
	first.Name, second.Name = "", ""
	at := noon().Add(time.Second)
	s.equal([]book{
		{"sold", first.ProductID, soldAt{first, at}}, {"counted", first.ProductID, daily},
		{"sold", second.ProductID, soldAt{second, at}}, {"rolled", second.ProductID, old},
	}, got)
}

// paidAt adds an order that was paid at a time.
func (s *shop) paidAt(at time.Time) order.Order {
	s.Helper()
	b := s.brand()
	o, err := s.order(s.user().ID, s.product(b.ID, 9), s.product(b.ID, 9)).Pay(at)
	if err != nil {
		s.Fatal(err)
	}
	s.queue(func(tx store.Tx) { tx.Orders.Add(o) })
	return order.Restore(o, o.History())
}

func (s *shop) soldOn(day clock.Day) []store.Sold {
	s.Helper()
	return read(s, func(ctx context.Context, tx store.Tx) (found []store.Sold, err error) {
		err = tx.Sales.On(ctx, day, func(l store.Sold) error { found = append(found, l); return nil })
		return found, err
	})
}

func salesOfADay(s *shop) {
	day := clock.Day(20251104)
	last, first := day.Start().Add(24*time.Hour-time.Microsecond).UTC(), day.Start().UTC()
	s.paidAt(first.Add(-time.Microsecond))
	b, a := s.paidAt(last), s.paidAt(first)
	s.paidAt(first.Add(24 * time.Hour))
	s.equal([]store.Sold{
		{Order: a.ID, Number: 1, Line: a.Lines[0], PaidAt: first}, {Order: a.ID, Number: 2, Line: a.Lines[1], PaidAt: first},
		{Order: b.ID, Number: 1, Line: b.Lines[0], PaidAt: last}, {Order: b.ID, Number: 2, Line: b.Lines[1], PaidAt: last},
	}, s.soldOn(day))
}

func salesState(s *shop) {
	o := s.paidAt(noon())
	state := func(day clock.Day) string {
		return read(s, func(ctx context.Context, tx store.Tx) (string, error) { return tx.Sales.StateOn(ctx, day) })
	}
	before, empty := state(20251103), state(20251104)
	s.equal(before, state(20251103))
	s.queue(func(tx store.Tx) { tx.Orders.Save(s.cancelled(o)) })
	if after := state(20251103); after == before || after != empty {
		s.Errorf("before the cancellation %q, after it %q; a day without sales %q", before, after, empty)
	}
}
