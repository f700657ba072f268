package retail

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/order"
)

// Why lines and invoices are not replayed, beside what a catalogue cannot use.
const (
	NoInvoice  Reason = "no number of an invoice"
	NoCustomer Reason = "nobody knows who the customer was"
	TooMany    Reason = "more than an order may hold"
	NoItem     Reason = "nothing of it can be replayed"
	Unmatched  Reason = "a cancel without an earlier order that has what it calls off"
)

// Invoices is what a file of invoices says happened.
type Invoices struct {
	Invoices []replay.Invoice // in order of time
	Lines    int
	Used     int
	Skipped  map[Reason]int // lines
	Dropped  map[Reason]int // invoices
	Broken   []string       // the first few lines that could not be read, for a person
}

// invoiceNumber is a number, with a letter before it where it calls off (C).
var invoiceNumber = regexp.MustCompile(`^[A-Z]?[0-9]{1,20}$`)

// ReadInvoices makes purchases and cancels out of a file. The lines of an
// invoice are one purchase, at the time of the first of them by the clock of
// the shop's own country, which is taken as KST.
func ReadInvoices(r io.Reader) (Invoices, error) {
	b := Invoices{Skipped: map[Reason]int{}, Dropped: map[Reason]int{}}
	drafts := map[string]*invoiceBuilder{}
	err := Read(r, func(l Line) error {
		b.Lines++
		why := skipReason(l)
		if why == "" {
			why = addLine(drafts, l)
		}
		if why != "" {
			b.Skipped[why]++
		} else {
			b.Used++
		}
		return nil
	}, func(line int, err error) {
		b.Lines++
		b.Skipped[Unreadable]++
		if len(b.Broken) < 10 {
			b.Broken = append(b.Broken, fmt.Sprintf("line %d %v", line, err))
		}
	})
	b.build(drafts)
	return b, err
}

// skipReason returns why a line is nothing that a customer did, or "".
func skipReason(l Line) Reason {
	switch {
	case !invoiceNumber.MatchString(l.Invoice):
		return NoInvoice
	case !customerNumber.MatchString(l.Customer):
		return NoCustomer
	case !productCode.MatchString(l.SKU):
		return NoProduct
	case l.Cancelled && l.Quantity < 0:
		return ""
	case l.Cancelled || l.Quantity <= 0:
		return Returned
	case l.Price <= 0:
		return NoPrice
	default:
		return ""
	}
}

// invoiceBuilder is an invoice that is being gathered.
type invoiceBuilder struct {
	number, customer string
	at               time.Time
	cancels          bool
	position            int // in the file, of invoices of the same minute
	quantities       map[string]int64
}

// addLine adds a line to its invoice.
func addLine(drafts map[string]*invoiceBuilder, l Line) Reason {
	d, ok := drafts[l.Invoice]
	if !ok {
		d = &invoiceBuilder{
			number: l.Invoice, customer: LoginID(l.Customer), at: inKST(l.At), cancels: l.Cancelled,
			position: len(drafts), quantities: map[string]int64{},
		}
		drafts[l.Invoice] = d
	}
	quantity := l.Quantity
	if d.cancels {
		quantity = -quantity
	}
	switch {
	case d.customer != LoginID(l.Customer):
		return NoCustomer // of two, which?
	case quantity <= 0 || quantity > order.MaxQuantity || d.quantities[l.SKU]+quantity > order.MaxQuantity:
		return TooMany
	case len(d.quantities) == order.MaxLines && d.quantities[l.SKU] == 0:
		return TooMany
	}
	d.quantities[l.SKU] += quantity
	return ""
}

// inKST is the moment at which clocks in Asia/Seoul show what t shows.
func inKST(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, clock.KST)
}

// build puts the invoices in order and finds what each cancel calls off.
func (b *Invoices) build(drafts map[string]*invoiceBuilder) {
	sorted := slices.SortedFunc(maps.Values(drafts), func(x, y *invoiceBuilder) int {
		return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.position, y.position))
	})
	live := map[string][]*invoiceBuilder{} // purchases that nobody has called off yet, by customer
	for _, d := range sorted {
		i := d.invoice()
		switch {
		case len(i.Items) == 0:
			b.Dropped[NoItem]++
			continue
		case !d.cancels:
			live[d.customer] = append(live[d.customer], d)
		default:
			at := d.findPurchase(live[d.customer])
			if at < 0 {
				b.Dropped[Unmatched]++
				continue
			}
			i.Cancels = live[d.customer][at].number
			live[d.customer] = slices.Delete(live[d.customer], at, at+1)
		}
		b.Invoices = append(b.Invoices, i)
	}
}

// findPurchase returns the latest of some purchases that holds all that d calls off;
// -1 if there is none.
func (d *invoiceBuilder) findPurchase(purchases []*invoiceBuilder) int {
	for at, p := range slices.Backward(purchases) {
		if p.contains(d.quantities) {
			return at
		}
	}
	return -1
}

func (d *invoiceBuilder) contains(quantities map[string]int64) bool {
	for sku, n := range quantities {
		if d.quantities[sku] < n {
			return false
		}
	}
	return true
}

func (d *invoiceBuilder) invoice() replay.Invoice {
	i := replay.Invoice{Number: d.number, Customer: d.customer, At: d.at}
	for _, sku := range slices.Sorted(maps.Keys(d.quantities)) {
		i.Items = append(i.Items, replay.Item{SKU: sku, Quantity: d.quantities[sku]})
	}
	return i
}

// Between keeps the invoices of the days from first to last; the zero day is
// no bound. A cancel goes with the day on which it was written.
func (b *Invoices) Between(first, last clock.Day) {
	b.Invoices = slices.DeleteFunc(b.Invoices, func(i replay.Invoice) bool {
		day := clock.DayOf(i.At)
		return day < first || last != 0 && day > last
	})
}
