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

// Reasons why lines and invoices are not replayed, in addition to those of a catalogue.
const (
	NoInvoice  Reason = "no invoice number"
	NoCustomer Reason = "no customer"
	TooMany    Reason = "more than an order can hold"
	NoItem     Reason = "no line can be replayed"
	Unmatched  Reason = "a cancel without an earlier order that contains its items"
)

// Invoices are the purchases and cancels of a file.
type Invoices struct {
	Invoices []replay.Invoice // sorted by time
	Lines    int
	Used     int
	Skipped  map[Reason]int // lines
	Dropped  map[Reason]int // invoices
	Broken   []string       // the first few lines that could not be read
}

// invoiceNumber matches a number with an optional letter in front: C marks a cancel.
var invoiceNumber = regexp.MustCompile(`^[A-Z]?[0-9]{1,20}$`)

// ReadInvoices reads the purchases and cancels of a file. The lines of an invoice are one
// purchase, at the time of its first line. The local time of the file is taken as KST.
func ReadInvoices(r io.Reader) (Invoices, error) {
	b := Invoices{Skipped: map[Reason]int{}, Dropped: map[Reason]int{}}
	builders := map[string]*invoiceBuilder{}
	err := Read(r, func(l Line) error {
		b.Lines++
		reason := skipReason(l)
		if reason == "" {
			reason = addLine(builders, l)
		}
		if reason != "" {
			b.Skipped[reason]++
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
	b.build(builders)
	return b, err
}

// skipReason returns why a line is not replayed, or "".
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

// invoiceBuilder collects the lines of one invoice.
type invoiceBuilder struct {
	number, customer string
	at               time.Time
	cancels          bool
	position         int // order in the file: decides between invoices of the same minute
	quantities       map[string]int64
}

// addLine adds a line to its invoice, or returns why it cannot.
func addLine(builders map[string]*invoiceBuilder, l Line) Reason {
	d, ok := builders[l.Invoice]
	if !ok {
		d = &invoiceBuilder{
			number: l.Invoice, customer: LoginID(l.Customer), at: inKST(l.At), cancels: l.Cancelled,
			position: len(builders), quantities: map[string]int64{},
		}
		builders[l.Invoice] = d
	}
	quantity := l.Quantity
	if d.cancels {
		quantity = -quantity
	}
	switch {
	case d.customer != LoginID(l.Customer):
		return NoCustomer // an invoice of two customers
	case quantity <= 0 || quantity > order.MaxQuantity || d.quantities[l.SKU]+quantity > order.MaxQuantity:
		return TooMany
	case len(d.quantities) == order.MaxLines && d.quantities[l.SKU] == 0:
		return TooMany
	}
	d.quantities[l.SKU] += quantity
	return ""
}

// inKST returns the same local time in Asia/Seoul.
func inKST(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, clock.KST)
}

// build sorts the invoices and finds the purchase of each cancel.
func (b *Invoices) build(builders map[string]*invoiceBuilder) {
	sorted := slices.SortedFunc(maps.Values(builders), func(x, y *invoiceBuilder) int {
		return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.position, y.position))
	})
	open := map[string][]*invoiceBuilder{} // purchases that are not cancelled yet, by customer
	for _, d := range sorted {
		i := d.invoice()
		switch {
		case len(i.Items) == 0:
			b.Dropped[NoItem]++
			continue
		case !d.cancels:
			open[d.customer] = append(open[d.customer], d)
		default:
			at := d.findPurchase(open[d.customer])
			if at < 0 {
				b.Dropped[Unmatched]++
				continue
			}
			i.Cancels = open[d.customer][at].number
			open[d.customer] = slices.Delete(open[d.customer], at, at+1)
		}
		b.Invoices = append(b.Invoices, i)
	}
}

// findPurchase returns the index of the latest purchase that contains all items of d, -1 if there
// is none.
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

// Between keeps the invoices of the days from first to last. A zero day is no bound. A cancel
// belongs to the day of the cancel.
func (b *Invoices) Between(first, last clock.Day) {
	b.Invoices = slices.DeleteFunc(b.Invoices, func(i replay.Invoice) bool {
		day := clock.DayOf(i.At)
		return day < first || last != 0 && day > last
	})
}
