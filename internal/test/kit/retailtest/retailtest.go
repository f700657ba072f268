// Package retailtest makes up files of invoices for tests, as dirty as the real
// one, from a seed.
package retailtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	products  = 40
	customers = 25
)

// File writes a made-up file of at least so many lines, of invoices over so
// many days, and returns its path.
func File(tb testing.TB, seed uint64, lines, days int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "online-retail.csv")
	if err := os.WriteFile(path, []byte(Text(seed, lines, days)), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Text returns what File writes.
func Text(seed uint64, lines, days int) string {
	w := &writer{r: rand.New(rand.NewPCG(seed, 1)), number: 536365}
	w.lines = append(w.lines, "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country")
	begin := time.Date(2010, 12, 1, 8, 0, 0, 0, time.UTC)
	for len(w.lines) <= lines {
		// Opening hours are long, so that some invoices are written around midnight.
		share := time.Duration(float64(days) * float64(24*time.Hour) * float64(len(w.lines)) / float64(lines))
		w.invoice(begin.Add(share))
	}
	return strings.Join(w.lines, "\n") + "\n"
}

type writer struct {
	r      *rand.Rand
	number int
	lines  []string
	past   []bought
}

// bought is a line that a cancel may call off.
type bought struct {
	sku, customer string
	quantity      int
}

func (w *writer) line(invoice, sku string, quantity int, at time.Time, price, customer string) {
	w.lines = append(w.lines, fmt.Sprintf("%s,%s,\"THING %s, LARGE\",%d,%s,%s,%s,United Kingdom",
		invoice, sku, sku, quantity, at.Format(time.DateTime), price, customer))
}

func (w *writer) invoice(at time.Time) {
	w.number++
	number, customer := fmt.Sprint(w.number), fmt.Sprintf("%d.0", 12345+w.r.IntN(customers))
	if len(w.past) > 0 && w.r.IntN(8) == 0 {
		w.cancel("C"+number, at)
		return
	}
	if w.r.IntN(6) == 0 {
		customer = ""
	}
	for range 1 + w.r.IntN(6) {
		n := w.r.IntN(products)
		sku, quantity := fmt.Sprintf("%d%s", 20000+n, []string{"", "A", "b"}[n%3]), 1+w.r.IntN(24)
		w.line(number, sku, quantity, at, fmt.Sprintf("%d.%02d", n%9, 5+n), customer)
		w.past = append(w.past, bought{sku, customer, quantity})
		w.dirt(number, at, customer)
	}
}

// cancel calls off all or some of a line of the past, or of somebody else's.
func (w *writer) cancel(number string, at time.Time) {
	b := w.past[w.r.IntN(len(w.past))]
	quantity := b.quantity
	if w.r.IntN(3) == 0 {
		quantity += w.r.IntN(3) - 1
	}
	w.line(number, b.sku, -quantity, at, "1.25", b.customer)
	if w.r.IntN(4) == 0 {
		w.line(number, "POST", -1, at, "18.00", b.customer)
	}
}

// dirt adds what nobody can use, now and then.
func (w *writer) dirt(number string, at time.Time, customer string) {
	switch w.r.IntN(24) {
	case 0:
		w.line(number, "POST", 1, at, "18.00", customer)
	case 1:
		w.line(number, "20001A", 1, at, "0.00", customer)
	case 2:
		w.line(number, "20001A", -1, at, "1.00", customer)
	case 3:
		w.lines = append(w.lines, number+",20001A,torn")
	case 4:
		w.line(number, "20001A", 1, at, "many", customer)
	case 5:
		w.lines = append(w.lines, number+`,20001A,"IT SAID ""SOLD OUT""",1,`+at.Format(time.DateOnly)+",1.00,"+customer+",UK")
	case 6:
		w.line(number, "20001A", 999_999, at, "1.00", customer)
	}
}
