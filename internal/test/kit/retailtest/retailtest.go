// Package retailtest generates files of invoices for tests, like the real online
// retail file: with cancellations, gaps and errors. Everything follows from a seed.
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

// File writes a generated file of at least this many lines, whose invoices spread
// over this many days, and returns its path.
func File(tb testing.TB, seed uint64, lines, days int) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "online-retail.csv")
	if err := os.WriteFile(path, []byte(Text(seed, lines, days)), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Text returns the text that File writes.
func Text(seed uint64, lines, days int) string {
	w := &writer{r: rand.New(rand.NewPCG(seed, 1)), number: 536365}
	w.lines = append(w.lines, strings.Join(header(), ","))
	begin := time.Date(2010, 12, 1, 8, 0, 0, 0, time.UTC)
	for len(w.lines) <= lines {
		// The invoices spread over whole days, so that some are written around midnight.
		share := time.Duration(float64(days) * float64(24*time.Hour) * float64(len(w.lines)) / float64(lines))
		w.invoice(begin.Add(share))
	}
	return strings.Join(w.lines, "\n") + "\n"
}

type writer struct {
	r      *rand.Rand
	number int
	lines  []string
	past   []purchase
}

// purchase is a line that a later invoice may cancel.
type purchase struct {
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
		w.past = append(w.past, purchase{sku, customer, quantity})
		w.addErrors(number, at, customer)
	}
}

// cancel cancels an earlier line, sometimes in another quantity.
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

// addErrors sometimes adds a line that the shop cannot use.
func (w *writer) addErrors(number string, at time.Time, customer string) {
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
