package crash_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
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
		f, err := os.Open(path) //nolint:gosec // the path is the user's own choice
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
			sku := 20_000 + int(favour.Uint64()) //nolint:gosec // at most 399
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

type kind string

const (
	view   kind = "view"
	like   kind = "like"
	unlike kind = "unlike"
	charge kind = "charge"
	order  kind = "order"
	cancel kind = "cancel"
)

// act is one thing that a customer does, and is answered once, however often
// it has to be sent.
type act struct {
	kind    kind
	who     string
	key     string // Idempotency-Key, of what moves money or stock
	product int64  // of a view or a like
	amount  int64  // of a charge or an order, in won
	items   []item
	order   *act // that a cancel calls off
	twice   bool // sent to both APIs at once

	orderID string // once answered
}

type item struct {
	ProductID int64 `json:"productId"`
	Quantity  int64 `json:"quantity"`
}

// shelf is what the shop sells, by SKU.
type shelf map[string]struct{ id, price int64 }

const (
	perOrder  = 5 // lines; long invoices are several orders
	perCharge = 10_000_000
)

// planner draws what customers do around their invoices.
type planner struct {
	dice      *rand.Rand
	shelf     shelf
	customers []string
	acts      []*act
	orders    map[string][]*act // of each customer, those not called off
	liked     map[string]bool   // customer and product
}

// plan makes acts of the lines, in their order.
func plan(dice *rand.Rand, shop shelf, lines []retail.Line) []*act {
	p := &planner{dice: dice, shelf: shop, orders: map[string][]*act{}, liked: map[string]bool{}}
	for _, l := range lines {
		if l.Customer != "" && !slices.Contains(p.customers, retail.LoginID(l.Customer)) {
			p.customers = append(p.customers, retail.LoginID(l.Customer))
		}
	}
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && n < perOrder && lines[n].Invoice == lines[0].Invoice {
			n++
		}
		p.invoice(lines[:n])
		lines = lines[n:]
	}
	return p.acts
}

func (p *planner) invoice(lines []retail.Line) {
	who := retail.LoginID(lines[0].Customer)
	if lines[0].Customer == "" { // somebody bought it
		who = p.customers[p.dice.IntN(len(p.customers))]
	}
	if lines[0].Cancelled {
		p.cancel(who)
		return
	}
	o := act{kind: order, who: who}
	for _, l := range lines {
		if thing, ok := p.shelf[l.SKU]; ok && l.Useless() == "" {
			o.items = append(o.items, item{thing.id, l.Quantity})
			o.amount += thing.price * l.Quantity
		}
	}
	if len(o.items) == 0 {
		return
	}
	p.around(who, o.items[p.dice.IntN(len(o.items))].ProductID)
	for left := o.amount; left > 0; left -= perCharge {
		p.add(act{kind: charge, who: who, amount: min(left, perCharge)})
	}
	p.orders[who] = append(p.orders[who], p.add(o))
	if p.dice.IntN(12) == 0 {
		p.cancel(who)
	}
}

// around looks at a product, and likes it or no longer does.
func (p *planner) around(who string, product int64) {
	if p.dice.IntN(3) == 0 {
		p.add(act{kind: view, who: who, product: product})
	}
	if p.dice.IntN(2) == 0 {
		return
	}
	k, place := like, fmt.Sprint(who, " ", product)
	if p.liked[place] {
		k = unlike
	}
	p.liked[place] = !p.liked[place]
	p.add(act{kind: k, who: who, product: product})
}

// cancel calls off one of the customer's orders, if there is one left.
func (p *planner) cancel(who string) {
	live := p.orders[who]
	if len(live) == 0 {
		return
	}
	i := p.dice.IntN(len(live))
	p.add(act{kind: cancel, who: who, order: live[i]})
	p.orders[who] = slices.Delete(live, i, i+1)
}

func (p *planner) add(a act) *act {
	switch a.kind {
	case charge, order, cancel:
		a.key = fmt.Sprintf("%s-%d", a.kind, len(p.acts))
		a.twice = p.dice.IntN(10) == 0
	case view, like, unlike:
	}
	p.acts = append(p.acts, &a)
	return &a
}
