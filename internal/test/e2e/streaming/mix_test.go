package streaming_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/test/kit/retailtest"
)

// days is how many days the events are of, the last of which is yesterday. All have a
// live ranking.
const days = 6

// mix makes the events of a shop whose customers order what the invoices say. It depends
// on the random numbers, the invoices and the first day alone.
type mix struct {
	t       *testing.T
	rng     *rand.Rand
	random  *rand.ChaCha8 // of ids
	catalog map[string]product
	first   clock.Day
	lines   []retail.Line // that are left
	perDay  int           // lines
	views   float64       // and likes, of each line
	popular int64         // the product that is bought most often
	live    []event.OrderPaid
}

type product struct{ id, price int64 }

// newMix returns a mix of about n events.
func newMix(t *testing.T, rng *rand.Rand, catalog map[string]product, lines []retail.Line, n int) *mix {
	t.Helper()
	var seed [32]byte
	for i := range seed {
		seed[i] = byte(rng.Uint32())
	}
	bought := map[int64]int{}
	popular := int64(0)
	for _, l := range lines {
		p, sold := catalog[l.SKU]
		bought[p.id]++
		if sold && bought[p.id] > bought[popular] {
			popular = p.id
		}
	}
	return &mix{
		t: t, rng: rng, random: rand.NewChaCha8(seed), catalog: catalog, first: clock.DayOf(time.Now()).Add(-days),
		lines: lines, perDay: (len(lines) + days - 1) / days, views: float64(n) / float64(len(lines)), popular: popular,
	}
}

// id returns the id of something that happens at a time.
func (m *mix) id(at time.Time) id.ID {
	return id.NewSource(func() time.Time { return at }, m.random)()
}

// within draws a time of a day.
func (m *mix) within(d clock.Day) time.Time {
	return d.Start().Add(time.Duration(m.rng.Int64N(int64(24 * time.Hour)))).Truncate(time.Microsecond)
}

// day makes the events of the next day, in the order of the invoices.
func (m *mix) day(d clock.Day) (all []*kgo.Record) {
	lines := m.lines[:min(m.perDay, len(m.lines))]
	m.lines = m.lines[len(lines):]
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n].Invoice == lines[0].Invoice {
			n++
		}
		all = append(all, m.invoice(d, lines[:n])...)
		lines = lines[n:]
	}
	return all
}

// invoice makes an order and what its customer does before, or cancels an earlier order.
func (m *mix) invoice(d clock.Day, lines []retail.Line) (all []*kgo.Record) {
	if lines[0].Cancelled {
		return m.cancel(d)
	}
	at := m.within(d)
	o := event.Order{OrderID: m.id(at), Version: 1, UserID: m.id(at)}
	for _, l := range lines {
		p, sold := m.catalog[l.SKU]
		if !sold || l.SkipReason() != "" {
			continue
		}
		all = append(all, m.browse(d, p.id, o.UserID)...)
		o.Lines = append(o.Lines, event.Line{ProductID: p.id, Quantity: l.Quantity, UnitPrice: p.price})
		o.Amount += l.Quantity * p.price
	}
	if len(o.Lines) == 0 {
		return all
	}
	all = append(all, m.record(at, event.OrderPlaced{Order: o, Points: o.Amount}))
	o.Version++
	if m.rng.IntN(10) == 0 { // nobody pays
		return append(all, m.record(at, event.OrderCancelled{Order: o, Reason: "too dear"}))
	}
	paid := event.OrderPaid{Order: o, PaidAt: at}
	m.live = append(m.live, paid)
	return append(all, m.record(at.Add(time.Second), paid)) // sometimes on the next day
}

// cancel cancels an order of that day or of one before.
func (m *mix) cancel(d clock.Day) []*kgo.Record {
	if len(m.live) == 0 {
		return nil
	}
	i := m.rng.IntN(len(m.live))
	paid := m.live[i]
	m.live[i] = m.live[len(m.live)-1]
	m.live = m.live[:len(m.live)-1]
	paid.Version++
	return []*kgo.Record{m.record(m.within(d), event.OrderCancelled{Order: paid.Order, Reason: "too late", PaidAt: &paid.PaidAt})}
}

// browse makes the views and likes of a customer.
func (m *mix) browse(d clock.Day, pid int64, user id.ID) (all []*kgo.Record) {
	for n := m.views * (0.5 + m.rng.Float64()); n > m.rng.Float64(); n-- {
		var e event.Event
		switch m.rng.IntN(10) {
		case 0:
			e = event.NewProductLiked(pid, user)
		case 1:
			e = event.NewProductUnliked(pid, user)
		case 2:
			e = event.NewProductViewed(pid, nil)
		default:
			e = event.NewProductViewed(pid, &user)
		}
		all = append(all, m.record(m.within(d), e))
	}
	return all
}

// record returns what Kafka gets of an event.
func (m *mix) record(at time.Time, e event.Event) *kgo.Record { return m.recordWith(m.id(at), at, e) }

func (m *mix) recordWith(id id.ID, at time.Time, e event.Event) *kgo.Record {
	m.t.Helper()
	data, err := json.Marshal(e)
	if err != nil {
		m.t.Fatal(err)
	}
	r := &kgo.Record{Topic: e.Topic(), Key: []byte(e.Key()), Value: data}
	for _, h := range [][2]string{
		{"ce_specversion", "1.0"}, {"ce_id", id.String()}, {"ce_source", "/commerce"}, {"ce_type", e.Type()},
		{"ce_time", at.UTC().Format(time.RFC3339Nano)}, {"content-type", "application/json"},
	} {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
	}
	if o, ok := e.(interface{ Sequence() int64 }); ok {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "ce_sequence", Value: []byte(strconv.FormatInt(o.Sequence(), 10))})
	}
	return r
}

// repeated returns the records, and about every tenth twice.
func (m *mix) repeated(all []*kgo.Record) []*kgo.Record {
	for _, r := range all {
		if m.rng.IntN(10) == 0 {
			all = append(all, &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Headers: r.Headers})
		}
	}
	return all
}

func (m *mix) shuffle(all []*kgo.Record) {
	m.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

// sell lets the shop sell what the invoices have, and returns it by stock code.
func (s *shop) sell(lines []retail.Line) map[string]product {
	s.t.Helper()
	s.commerce("seed", "--online-retail", retailtest.LinesFile(s.t, lines))
	all := map[string]product{}
	for _, line := range s.db.Column(s.t.Context(), `SELECT concat_ws(' ', sku, id, price) FROM products`) {
		var sku string
		var p product
		if _, err := fmt.Sscan(line, &sku, &p.id, &p.price); err != nil {
			s.t.Fatal(err)
		}
		all[sku] = p
	}
	if len(all) == 0 {
		s.t.Fatal("the shop has no products")
	}
	return all
}
