package crash_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
)

// invoices returns the first lines of the retail file that COMMERCE_RETAIL
// names, or as many that are made up in its form.
func invoices(t *testing.T, dice *rand.Rand, lines int) []retail.Line {
	t.Helper()
	var file io.Reader = bytes.NewReader(madeUp(t, dice, lines))
	if path := os.Getenv("COMMERCE_RETAIL"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		file = f
	}
	var read []retail.Line
	err := retail.Read(file, func(l retail.Line) error {
		if read = append(read, l); len(read) == lines {
			return io.EOF
		}
		return nil
	}, func(int, error) {})
	if err != nil && len(read) < lines {
		t.Fatal(err)
	}
	return read
}

// madeUp is a year's file in small: few products sell much, some lines have no
// customer, and some invoices are called off.
func madeUp(t *testing.T, dice *rand.Rand, lines int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	rows := [][]string{{"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"}}
	favour := rand.NewZipf(dice, 1.2, 4, 399)
	at := time.Date(2010, 12, 1, 8, 26, 0, 0, time.UTC)
	for number := 536365; len(rows) <= lines; number++ {
		at = at.Add(time.Duration(dice.IntN(600)) * time.Second)
		invoice, customer, sign := strconv.Itoa(number), strconv.Itoa(12346+dice.IntN(200)), 1
		switch dice.IntN(12) {
		case 0:
			invoice, sign = "C"+invoice, -1
		case 1:
			customer = ""
		}
		for range 1 + dice.IntN(24) {
			sku := 20_000 + int(favour.Uint64())
			rows = append(rows, []string{
				invoice, strconv.Itoa(sku), fmt.Sprintf("THING %d", sku), strconv.Itoa(sign * (1 + dice.IntN(12))),
				at.Format(time.DateTime), fmt.Sprintf("%d.%02d", sku%9, 25+sku%70), customer, "United Kingdom",
			})
		}
	}
	if err := w.WriteAll(rows[:lines+1]); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// csvOf writes lines as a file that `commerce seed` reads.
func csvOf(t *testing.T, lines []retail.Line) string {
	t.Helper()
	path := t.TempDir() + "/retail.csv"
	rows := [][]string{{"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"}}
	for _, l := range lines {
		pounds := strconv.FormatFloat(float64(l.Price)/retail.WonPerPound, 'f', 4, 64)
		rows = append(rows, []string{
			l.Invoice, l.SKU, l.Name, strconv.FormatInt(l.Quantity, 10), l.At.Format(time.DateTime), pounds, l.Customer, l.Country,
		})
	}
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
