// Command recount reads a file of invoices and prints what the shop must count when
// they are replayed as of their dates: for each SKU and day the orders, quantity,
// amount and log of the amount, or the rankings of all days, weeks or months. It shares
// no code with the shop.
//
//	recount FILE                                   the columns are sku,day,orders,quantity,amount,amount_log
//	recount -rank daily|weekly|monthly -products IDS [-top N] [-views N] [-likes N] [-seed N] FILE
//
// IDS is a file with lines "sku,id" of the products of the shop. The columns of a ranking
// are period,rank,product id,score,views,likes,orders,quantity,amount.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

type invoice struct {
	number, customer string
	at               time.Time
	nth              int
	lines            map[string]int64
	cancelled        bool
}

// options are those of rankings.
type options struct {
	rank, products string
	top            int
	views, likes   float64 // of an order, on average
	seed           uint64
}

var (
	isProduct  = regexp.MustCompile(`^\d{5}[A-Z]{0,3}$`)
	isCustomer = regexp.MustCompile(`^\d{1,9}$`)
	isNumber   = regexp.MustCompile(`^[A-Z]?\d{1,20}$`)
)

func main() {
	var o options
	flag.StringVar(&o.rank, "rank", "", "daily, weekly or monthly")
	flag.StringVar(&o.products, "products", "", "file with lines sku,id")
	flag.IntVar(&o.top, "top", 100, "ranks of a period")
	flag.Float64Var(&o.views, "views", 3, "views of an order, as the replay sends them")
	flag.Float64Var(&o.likes, "likes", 0.5, "likes of an order, as the replay sends them")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the replay")
	flag.Parse()
	if flag.NArg() != 1 || o.rank != "" && o.products == "" {
		fmt.Fprintln(os.Stderr, "usage: recount [-rank daily|weekly|monthly -products IDS] FILE")
		os.Exit(2)
	}
	if err := recount(flag.Arg(0), o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func recount(path string, o options, w io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var in io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	rows := csv.NewReader(in)
	rows.FieldsPerRecord, rows.LazyQuotes = -1, true
	invoices := map[string]*invoice{}
	prices := map[string]map[int64]int{}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err == nil {
			take(row, invoices, prices)
		}
	}
	if o.rank != "" {
		return rank(w, purchasesOf(invoices), prices, o)
	}
	return print(w, purchasesOf(invoices), prices)
}

// take adds one line of the file to its invoice, and its price to those of its
// product.
func take(row []string, invoices map[string]*invoice, prices map[string]map[int64]int) {
	if len(row) != 8 {
		return
	}
	for _, field := range row {
		if !utf8.ValidString(field) || strings.Contains(field, "\x00") {
			return
		}
	}
	sku := strings.ToUpper(strings.TrimSpace(row[1]))
	quantity, err1 := strconv.ParseInt(row[3], 10, 64)
	at, err2 := time.Parse("2006-01-02 15:04:05", row[4])
	pounds, err3 := strconv.ParseFloat(row[5], 64)
	if err1 != nil || err2 != nil || err3 != nil || !isProduct.MatchString(sku) || !(math.Abs(pounds) <= 1e9) {
		return
	}
	won := int64(math.Round(pounds * 1750))
	cancels := strings.HasPrefix(row[0], "C")
	if !cancels && quantity > 0 && won > 0 {
		if prices[sku] == nil {
			prices[sku] = map[int64]int{}
		}
		prices[sku][min(won, 1_000_000_000)]++
	}
	customer := strings.TrimSuffix(row[6], ".0")
	if !isNumber.MatchString(row[0]) || !isCustomer.MatchString(customer) {
		return
	}
	if cancels {
		quantity = -quantity
	} else if won <= 0 {
		return
	}
	if quantity <= 0 {
		return
	}
	v := invoices[row[0]]
	if v == nil {
		v = &invoice{number: row[0], customer: customer, at: at, nth: len(invoices), lines: map[string]int64{}}
		invoices[row[0]] = v
	}
	if v.customer == customer && v.lines[sku]+quantity <= 100_000 {
		v.lines[sku] += quantity
	}
}

// purchasesOf returns the invoices that are purchases, and marks those that a later
// invoice of their customer cancels.
func purchasesOf(invoices map[string]*invoice) (purchases []*invoice) {
	all := make([]*invoice, 0, len(invoices))
	for _, v := range invoices {
		all = append(all, v)
	}
	sort.Slice(all, func(i, j int) bool {
		if !all[i].at.Equal(all[j].at) {
			return all[i].at.Before(all[j].at)
		}
		return all[i].nth < all[j].nth
	})
	for n, v := range all {
		if v.number[0] != 'C' {
			purchases = append(purchases, v)
			continue
		}
		for m := n - 1; m >= 0 && len(v.lines) > 0; m-- {
			p := all[m]
			if p.customer == v.customer && p.number[0] != 'C' && !p.cancelled && within(v.lines, p.lines) {
				p.cancelled = true
				break
			}
		}
	}
	return purchases
}

func within(part, whole map[string]int64) bool {
	for sku, n := range part {
		if whole[sku] < n {
			return false
		}
	}
	return true
}

func print(w io.Writer, purchases []*invoice, prices map[string]map[int64]int) error {
	type cell struct{ orders, quantity, amount, log int64 }
	cells := map[string]cell{}
	for _, p := range purchases {
		if p.cancelled {
			continue
		}
		for sku, n := range p.lines {
			key := sku + "," + p.at.Format("20060102")
			c, amount := cells[key], n*usual(prices[sku])
			cells[key] = cell{c.orders + 1, c.quantity + n, c.amount + amount, c.log + int64(math.Round(1000*math.Log1p(float64(amount))))}
		}
	}
	keys := make([]string, 0, len(cells))
	for k := range cells {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		c := cells[k]
		if _, err := fmt.Fprintf(w, "%s,%d,%d,%d,%d\n", k, c.orders, c.quantity, c.amount, c.log); err != nil {
			return err
		}
	}
	return nil
}

// usual returns the price that occurs most often; of several, the lowest.
func usual(prices map[int64]int) (best int64) {
	for won, times := range prices {
		if times > prices[best] || times == prices[best] && won < best {
			best = won
		}
	}
	return best
}
