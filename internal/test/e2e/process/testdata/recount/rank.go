package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

// The weights, in thousandths, and the days before a day that are carried over.
const (
	wView, wLike, wOrder, carry = 100, 200, 700, 100
	window                      = 7
)

// count is what happened to a product on a day, or in a period.
type count struct{ views, likes, orders, quantity, amount, log int64 }

func (a count) plus(b count) count {
	return count{
		a.views + b.views, a.likes + b.likes, a.orders + b.orders, a.quantity + b.quantity, a.amount + b.amount, a.log + b.log,
	}
}

func (a count) own() int64 { return 1000*(wView*a.views+wLike*a.likes) + wOrder*a.log }

// date is a day without a time zone: the dates of the file are those of the shop.
type date struct{ time.Time }

func dateOf(at time.Time) date {
	return date{time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)}
}

func (d date) days(n int) date { return date{d.AddDate(0, 0, n)} }

// table is a ranking of a period in the making: scores and counts by SKU.
type table struct {
	scores map[string]int64
	counts map[string]count
}

// rank prints the rankings of all periods, oldest first.
func rank(w io.Writer, purchases []*invoice, prices map[string]map[int64]int, o options) error {
	ids, err := idsOf(o.products)
	if err != nil {
		return err
	}
	days := happened(purchases, prices, o)
	tables := map[string]*table{}
	switch o.rank {
	case "daily":
		live(days, tables)
	case "weekly":
		sum(days, tables, func(d date) string {
			year, week := d.ISOWeek()
			return fmt.Sprintf("%04d-W%02d", year, week)
		})
	case "monthly":
		sum(days, tables, func(d date) string { return d.Format("2006-01") })
	default:
		return fmt.Errorf("no such ranking: %s", o.rank)
	}
	periods := make([]string, 0, len(tables))
	for p := range tables {
		periods = append(periods, p)
	}
	sort.Strings(periods)
	for _, p := range periods {
		if err := tables[p].print(w, p, ids, o.top); err != nil {
			return err
		}
	}
	return nil
}

// idsOf reads the ids of products.
func idsOf(path string) (map[string]int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ids := map[string]int64{}
	for _, line := range strings.Fields(string(text)) {
		sku, number, _ := strings.Cut(line, ",")
		if ids[sku], err = strconv.ParseInt(number, 10, 64); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// happened counts what happened on each day to each SKU.
func happened(purchases []*invoice, prices map[string]map[int64]int, o options) map[date]map[string]count {
	days := map[date]map[string]count{}
	add := func(at time.Time, sku string, c count) {
		d := dateOf(at)
		if days[d] == nil {
			days[d] = map[string]count{}
		}
		days[d][sku] = days[d][sku].plus(c)
	}
	bought := map[string]int64{}
	for _, p := range purchases {
		for sku := range p.lines {
			bought[sku] = 1
		}
	}
	all := names(bought)
	liked := map[string]bool{}
	for _, p := range purchases {
		if !p.cancelled {
			for sku, n := range p.lines {
				amount := n * usual(prices[sku])
				add(p.at, sku, count{orders: 1, quantity: n, amount: amount, log: int64(math.Round(1000 * math.Log1p(float64(amount))))})
			}
		}
		views, likes := engaged(p, all, o)
		for _, sku := range views {
			add(p.at, sku, count{views: 1})
		}
		for _, sku := range likes {
			if key := p.customer + " " + sku; !liked[key] { // a customer likes a product once
				liked[key] = true
				add(p.at, sku, count{likes: 1})
			}
		}
	}
	return days
}

func names(lines map[string]int64) (skus []string) {
	for sku := range lines {
		skus = append(skus, sku)
	}
	sort.Strings(skus)
	return skus
}

// engaged returns what the customer of an invoice views and likes: the replay draws it
// from a seed and the number of the invoice.
func engaged(p *invoice, all []string, o options) (views, likes []string) {
	h := fnv.New64a()
	h.Write([]byte(p.number))
	r := rand.New(rand.NewPCG(o.seed, h.Sum64()))
	own := names(p.lines)
	draw := func(average float64) (skus []string) {
		n := int(math.Floor(average))
		if r.Float64() < average-math.Floor(average) {
			n++
		}
		for i := 0; i < n; i++ {
			from := all
			if i%2 == 0 {
				from = own
			}
			skus = append(skus, from[r.IntN(len(from))])
		}
		return skus
	}
	views = draw(o.views)
	return views, draw(o.likes)
}

// live makes the tables of days: a day's own score, and a tenth of the day before, which
// has a tenth of the day before that, and so on for seven days.
func live(days map[date]map[string]count, tables map[string]*table) {
	reached := map[date]bool{}
	for d := range days {
		for n := 0; n <= window; n++ {
			reached[d.days(n)] = true
		}
	}
	for d := range reached {
		t := &table{map[string]int64{}, map[string]count{}}
		for n := window; n >= 0; n-- {
			earlier := days[d.days(-n)]
			for sku := range t.scores {
				t.scores[sku] = carry * t.scores[sku] / 1000
			}
			for sku, c := range earlier {
				t.scores[sku] += c.own()
			}
		}
		for sku, c := range days[d] {
			t.counts[sku] = c
		}
		tables[d.Format("20060102")] = t
	}
}

// sum makes the tables of periods that are sums of days.
func sum(days map[date]map[string]count, tables map[string]*table, period func(date) string) {
	for d, skus := range days {
		p := period(d)
		if tables[p] == nil {
			tables[p] = &table{map[string]int64{}, map[string]count{}}
		}
		for sku, c := range skus {
			tables[p].scores[sku] += c.own()
			tables[p].counts[sku] = tables[p].counts[sku].plus(c)
		}
	}
}

// print prints the first ranks: by score, then by product id, both descending.
func (t *table) print(w io.Writer, period string, ids map[string]int64, top int) error {
	var skus []string
	for sku, score := range t.scores {
		if _, known := ids[sku]; !known {
			return fmt.Errorf("the shop has no product %s", sku)
		}
		if score > 0 {
			skus = append(skus, sku)
		}
	}
	sort.Slice(skus, func(i, j int) bool {
		a, b := skus[i], skus[j]
		if t.scores[a] != t.scores[b] {
			return t.scores[a] > t.scores[b]
		}
		return ids[a] > ids[b]
	})
	for i, sku := range skus {
		if i == top {
			break
		}
		c := t.counts[sku]
		_, err := fmt.Fprintf(w, "%s,%d,%d,%d,%d,%d,%d,%d,%d\n", period, i+1, ids[sku], t.scores[sku], c.views, c.likes, c.orders, c.quantity, c.amount)
		if err != nil {
			return err
		}
	}
	return nil
}
