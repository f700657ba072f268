package streaming_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

// kind is why a record is poison.
type kind int

const (
	torn    kind = iota // its envelope cannot be read: all groups refuse it
	garbled             // its data is no JSON: the log keeps it as it is
	refused             // it is worth more than can be counted: the log keeps it
	failing             // the database refuses what it adds to a counter: the log keeps it
	unkept              // the database refuses its row in the log: it counts
)

// perKind is how many records there are of each kind. The last two are one kind, for
// two groups.
func perKind() map[kind]int {
	return map[kind]int{torn: 25, garbled: 25, refused: 25, failing: 23, unkept: 2}
}

// poisonCount is how many poison records there are in all.
const poisonCount = 100

// broken is a product whose counters can take no more.
const broken = 1_000_000

// poison is a record that somebody cannot process.
type poison struct {
	kind   kind
	record *kgo.Record
}

// poisoner makes the poison of each day.
type poisoner struct {
	*mix

	ids  []id.ID // of the events that the log cannot keep
	left []kind  // that are still to be made
}

func newPoisoner(m *mix) *poisoner {
	p := &poisoner{mix: m}
	for k, n := range perKind() {
		p.left = append(p.left, slices.Repeat([]kind{k}, n)...)
	}
	slices.Sort(p.left) // maps have no order
	m.rng.Shuffle(len(p.left), func(i, j int) { p.left[i], p.left[j] = p.left[j], p.left[i] })
	for range perKind()[unkept] {
		p.ids = append(p.ids, m.id(m.within(m.first)))
	}
	return p
}

// day makes the poison of a day.
func (p *poisoner) day(d clock.Day) (all []poison) {
	n := (poisonCount + days - 1) / days
	for _, k := range p.left[:min(n, len(p.left))] {
		all = append(all, poison{k, p.make(d, k)})
	}
	p.left = p.left[len(all):]
	return all
}

func (p *poisoner) make(d clock.Day, k kind) *kgo.Record {
	at := p.within(d)
	popular := p.popular
	switch k {
	case torn:
		r := p.record(at, event.NewProductViewed(popular, nil))
		broken := []string{"ce_id", "ce_time", "ce_specversion"}[p.rng.IntN(3)]
		r.Headers = slices.DeleteFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == broken })
		return r
	case garbled:
		r := p.record(at, event.NewProductViewed(popular, nil))
		r.Value = r.Value[:len(r.Value)/2]
		return r
	case refused:
		return p.sale(at, popular, math.MaxInt32, math.MaxInt64/2)
	case failing:
		return p.sale(at, broken, 1+p.rng.Int64N(9), 1_000)
	default:
		one := p.ids[0]
		p.ids = p.ids[1:]
		return p.recordWith(one, at, event.NewProductViewed(popular, nil))
	}
}

func (p *poisoner) sale(at time.Time, product, quantity, price int64) *kgo.Record {
	o := event.Order{OrderID: p.id(at), Version: 2, UserID: p.id(at), Lines: []event.Line{{ProductID: product, Quantity: quantity, UnitPrice: price}}}
	return p.record(at, event.OrderPaid{Order: o, PaidAt: at})
}

// poisoned counts what a group makes of poison, while another one refuses it.
func (c *recount) poisoned(p poison) {
	c.t.Helper()
	switch p.kind {
	case garbled, refused, failing:
		c.log(p.record)
	case unkept:
		c.count(p.record)
	case torn:
	}
}

// mend counts the poison that is none once the database is mended.
func (c *recount) mend(all []poison) {
	c.t.Helper()
	for _, p := range all {
		switch p.kind {
		case failing:
			c.count(p.record)
		case unkept:
			c.log(p.record)
		case torn, garbled, refused:
		}
	}
}

// breakDatabase lets the database refuse what it must refuse.
func (s *shop) breakDatabase(ctx context.Context, p *poisoner, c *recount) {
	s.t.Helper()
	unkept := make([]string, len(p.ids))
	for i, one := range p.ids {
		unkept[i] = "'" + one.String() + "'"
	}
	s.exec(ctx, `ALTER TABLE event_log ADD CONSTRAINT unkept CHECK (event_id NOT IN (`+strings.Join(unkept, ", ")+`))`)
	for _, d := range p.first.Until(p.first.Add(days - 1)) {
		c.at(broken, d.Start()).amount += math.MaxInt64
		s.exec(ctx, `INSERT INTO product_metrics (product_id, day, views, likes, orders, quantity, amount, amount_log, version)
			VALUES ($1, $2, 0, 0, 0, 0, $3, 0, 1)`, broken, int64(d), int64(math.MaxInt64))
	}
}

// mendDatabase lets the database take what it has refused.
func (s *shop) mendDatabase(ctx context.Context, p *poisoner, c *recount) {
	s.t.Helper()
	s.exec(ctx, `ALTER TABLE event_log DROP CONSTRAINT unkept`)
	s.exec(ctx, `UPDATE product_metrics SET amount = amount - $2 WHERE product_id = $1`, broken, int64(math.MaxInt64))
	for _, d := range p.first.Until(p.first.Add(days - 1)) {
		c.at(broken, d.Start()).amount -= math.MaxInt64
	}
}

func (s *shop) exec(ctx context.Context, statement string, args ...any) {
	s.t.Helper()
	if _, err := s.db.Pool.Exec(ctx, statement, args...); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}
