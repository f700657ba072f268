package retail

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// Catalogue is what a file of invoices says of a shop.
type Catalogue struct {
	Shop    seed.Shop
	Lines   int
	Used    int
	Skipped map[Reason]int
	// Broken is the first few lines that could not be read, for a person.
	Broken []string
}

// brand is the one brand of a shop that does not tell who makes its things.
const brand = "Online Retail"

// spare is how many times the year's sales are put on the shelf, so that a
// replay of the year never runs dry.
const stockFactor = 2

// ReadCatalogue makes a catalogue and customers out of every line of a file.
// A product's name and price are those it was sold under most often.
func ReadCatalogue(r io.Reader) (Catalogue, error) {
	c := Catalogue{Skipped: map[Reason]int{}}
	seen := catalogueBuilder{products: map[string]*productStats{}, customers: map[string]bool{}}
	err := Read(r, func(l Line) error {
		c.Lines++
		seen.addCustomer(l)
		if why := l.SkipReason(); why != "" {
			c.Skipped[why]++
			return nil
		}
		c.Used++
		seen.addProduct(l)
		return nil
	}, func(line int, err error) {
		c.Lines++
		c.Skipped[Unreadable]++
		if len(c.Broken) < 10 {
			c.Broken = append(c.Broken, fmt.Sprintf("line %d %v", line, err))
		}
	})
	c.Shop = seen.shop()
	return c, err
}

// catalogueBuilder counts under which names and prices each product was seen.
type catalogueBuilder struct {
	products  map[string]*productStats
	customers map[string]bool
}

type productStats struct {
	names  map[string]int
	prices map[money.Won]int
	sold   int64
}

var customerNumber = regexp.MustCompile(`^[0-9]{1,9}$`)

func (c *catalogueBuilder) addCustomer(l Line) {
	if customerNumber.MatchString(l.Customer) {
		c.customers[l.Customer] = true
	}
}

func (c *catalogueBuilder) addProduct(l Line) {
	s, ok := c.products[l.SKU]
	if !ok {
		s = &productStats{names: map[string]int{}, prices: map[money.Won]int{}}
		c.products[l.SKU] = s
	}
	if l.Name != "" {
		s.names[l.Name]++
	}
	s.prices[min(l.Price, product.MaxPrice)]++
	s.sold = min(s.sold+min(l.Quantity, product.MaxStock), product.MaxStock/stockFactor)
}

func (c *catalogueBuilder) shop() seed.Shop {
	b := seed.Brand{Name: brand, Description: "A UK gift shop's year, 2010-12 to 2011-12."}
	for _, sku := range slices.Sorted(maps.Keys(c.products)) {
		s := c.products[sku]
		b.Products = append(b.Products, seed.Product{
			SKU: sku, Name: s.name(sku), Price: mostFrequent(s.prices), Stock: max(stockFactor*s.sold, 1000),
		})
	}
	shop := seed.Shop{Brands: []seed.Brand{b}}
	for _, number := range slices.Sorted(maps.Keys(c.customers)) {
		shop.Customers = append(shop.Customers, customer(number))
	}
	return shop
}

func (s *productStats) name(sku string) string {
	name := []rune(mostFrequent(s.names))
	if len(name) == 0 {
		return sku
	}
	return string(name[:min(len(name), product.MaxName)])
}

// mostFrequent returns the key with the highest count, the smallest of several.
func mostFrequent[K int | string | money.Won](counts map[K]int) K {
	var best K
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		if counts[k] > counts[best] {
			best = k
		}
	}
	return best
}

// LoginID is the loginId of a customer of the file.
func LoginID(customer string) string { return "c" + customer }

// addCustomer is a person of whom only the number is known; the rest is filled in.
func customer(number string) seed.Customer {
	login := LoginID(number)
	return seed.Customer{
		LoginID: login, Email: strings.ToLower(login) + "@customers.example",
		BirthDate: "1980-01-01", Gender: user.Female,
	}
}
