// Package retail reads the invoices of a real gift shop: the "Online Retail" data set of the UCI
// Machine Learning Repository (D. Chen, S. Sain, K. Guo, 2012, CC BY 4.0) as CSV, plain or
// gzipped. Lines that cannot be used are counted by reason; they are never an error.
package retail

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/loopers-commerce/commerce/internal/base/money"
)

// WonPerPound is the fixed rate at which prices are converted.
const WonPerPound = 1750

// Line is one line of an invoice.
type Line struct {
	Invoice   string
	SKU       string // stock code, in capitals
	Name      string
	Quantity  int64 // negative for returned items
	At        time.Time
	Price     money.Won // of one piece; 0 or less if there is none
	Customer  string    // empty if unknown
	Country   string
	Cancelled bool // the invoice cancels an earlier one
}

// Reason is why a line or an invoice is not used.
type Reason string

// The reasons.
const (
	Unreadable Reason = "cannot be read"
	NoProduct  Reason = "not a product (postage, fees, vouchers, samples)"
	NoPrice    Reason = "no price"
	Returned   Reason = "cancelled or returned"
)

func columns() []string {
	return []string{"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"}
}

// ErrNotRetail is returned for a file that does not start with the columns of the data set.
var ErrNotRetail = fmt.Errorf("this is not the Online Retail file: its first line must be %s", strings.Join(columns(), ","))

// productCode matches five digits with optional letters for a variant. Other values of the column
// are postage, fees, vouchers and corrections.
var productCode = regexp.MustCompile(`^[0-9]{5}[A-Z]{0,3}$`)

// Summary describes how many lines of a file were skipped for which reason, and the first line that
// could not be read.
func Summary(lines int, skipped map[Reason]int, broken []string) string {
	text := fmt.Sprintf("of %d lines", lines)
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		text += fmt.Sprintf(", %d: %s", skipped[reason], reason)
	}
	if len(broken) > 0 {
		text += "; " + broken[0]
	}
	return text
}

// SkipReason returns why the line does not describe a product, or "".
func (l Line) SkipReason() Reason {
	switch {
	case !productCode.MatchString(l.SKU):
		return NoProduct
	case l.Cancelled || l.Quantity <= 0:
		return Returned
	case l.Price <= 0:
		return NoPrice
	default:
		return ""
	}
}

// Read calls yield for each line of the file, and unreadable with the number of each line that
// cannot be read. It stops at the first error of yield or of r.
func Read(r io.Reader, yield func(Line) error, unreadable func(line int, err error)) error {
	plain, err := unzip(r)
	if err != nil {
		return err
	}
	in := csv.NewReader(plain)
	in.FieldsPerRecord, in.ReuseRecord, in.LazyQuotes = -1, true, true
	if err := checkHeader(in); err != nil {
		return err
	}
	for {
		record, err := in.Read()
		var broken *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &broken):
			unreadable(broken.Line, err)
			continue
		case err != nil:
			return err
		}
		number, _ := in.FieldPos(0)
		l, err := parseLine(record)
		if err != nil {
			unreadable(number, err)
		} else if err := yield(l); err != nil {
			return err
		}
	}
}

// unzip detects gzip by the first two bytes.
func unzip(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	magic, err := buffered.Peek(2)
	if err != nil {
		return nil, ErrNotRetail
	}
	if magic[0] != 0x1f || magic[1] != 0x8b {
		return buffered, nil
	}
	return gzip.NewReader(buffered)
}

func checkHeader(in *csv.Reader) error {
	first, err := in.Read()
	if err != nil || len(first) != len(columns()) {
		return ErrNotRetail
	}
	for i, name := range columns() {
		if strings.TrimPrefix(first[i], "\ufeff") != name {
			return ErrNotRetail
		}
	}
	return nil
}

func parseLine(record []string) (Line, error) {
	if len(record) != len(columns()) {
		return Line{}, fmt.Errorf("has %d fields, not %d", len(record), len(columns()))
	}
	for _, field := range record {
		if !utf8.ValidString(field) || strings.ContainsRune(field, 0) {
			return Line{}, errors.New("is not UTF-8 text without NUL")
		}
	}
	quantity, err := strconv.ParseInt(record[3], 10, 64)
	if err != nil {
		return Line{}, fmt.Errorf("the quantity %q is not a number", record[3])
	}
	at, err := parseTime(record[4])
	if err != nil {
		return Line{}, err
	}
	price, err := parsePrice(record[5])
	if err != nil {
		return Line{}, err
	}
	return Line{
		Invoice: strings.Clone(record[0]), SKU: strings.ToUpper(strings.TrimSpace(record[1])),
		Name: strings.Join(strings.Fields(record[2]), " "), Quantity: quantity, At: at, Price: price,
		Customer: strings.Clone(strings.TrimSuffix(record[6], ".0")), Country: strings.Clone(record[7]),
		Cancelled: strings.HasPrefix(record[0], "C"),
	}, nil
}

// parseTime reads a date in the formats of the copies of the data set: those of databases, and that
// of US spreadsheets.
func parseTime(text string) (at time.Time, err error) {
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", "1/2/2006 15:04"} {
		if at, err = time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return at, fmt.Errorf("the date %q is neither like 2010-12-31 08:26:00 nor like 12/31/2010 8:26", text)
}

func parsePrice(pounds string) (money.Won, error) {
	f, err := strconv.ParseFloat(pounds, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1e9 {
		return 0, fmt.Errorf("the price %q is not a number", pounds)
	}
	return money.Won(math.Round(f * WonPerPound)), nil
}
