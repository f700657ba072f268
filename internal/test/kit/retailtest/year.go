package retailtest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
)

func header() []string {
	return []string{"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"}
}

// Lines returns the first n lines of the file that COMMERCE_RETAIL names, or as
// many that are generated.
func Lines(tb testing.TB, rng *rand.Rand, n int) []retail.Line {
	tb.Helper()
	var file io.Reader
	if path := os.Getenv("COMMERCE_RETAIL"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			tb.Fatal(err)
		}
		defer f.Close()
		file = f
	} else {
		file = bytes.NewReader(encode(tb, generate(rng, n)))
	}
	var lines []retail.Line
	err := retail.Read(file, func(l retail.Line) error {
		if lines = append(lines, l); len(lines) == n {
			return io.EOF
		}
		return nil
	}, func(int, error) {})
	if err != nil && len(lines) < n {
		tb.Fatal(err)
	}
	return lines
}

// generate returns n lines like those of the real file: few products sell most,
// some lines have no customer, and some invoices are cancellations.
func generate(rng *rand.Rand, n int) (rows [][]string) {
	popularity := rand.NewZipf(rng, 1.2, 4, 399)
	at := time.Date(2010, 12, 1, 8, 26, 0, 0, time.UTC)
	for number := 536365; len(rows) < n; number++ {
		at = at.Add(time.Duration(rng.IntN(600)) * time.Second)
		invoice, customer, sign := strconv.Itoa(number), strconv.Itoa(12346+rng.IntN(200)), 1
		switch rng.IntN(12) {
		case 0:
			invoice, sign = "C"+invoice, -1
		case 1:
			customer = ""
		}
		for range 1 + rng.IntN(24) {
			sku := 20_000 + int(popularity.Uint64())
			rows = append(rows, []string{
				invoice, strconv.Itoa(sku), fmt.Sprintf("THING %d", sku), strconv.Itoa(sign * (1 + rng.IntN(12))),
				at.Format(time.DateTime), fmt.Sprintf("%d.%02d", sku%9, 25+sku%70), customer, "United Kingdom",
			})
		}
	}
	return rows[:n]
}

// LinesFile writes lines as a file for `commerce seed`, and returns its path.
func LinesFile(tb testing.TB, lines []retail.Line) string {
	tb.Helper()
	var rows [][]string
	for _, l := range lines {
		pounds := strconv.FormatFloat(float64(l.Price)/retail.WonPerPound, 'f', 4, 64)
		rows = append(rows, []string{
			l.Invoice, l.SKU, l.Name, strconv.FormatInt(l.Quantity, 10), l.At.Format(time.DateTime), pounds, l.Customer, l.Country,
		})
	}
	path := filepath.Join(tb.TempDir(), "retail.csv")
	if err := os.WriteFile(path, encode(tb, rows), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func encode(tb testing.TB, rows [][]string) []byte {
	tb.Helper()
	var out bytes.Buffer
	if err := csv.NewWriter(&out).WriteAll(append([][]string{header()}, rows...)); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}
