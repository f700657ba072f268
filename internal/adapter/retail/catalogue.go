package retail

import (
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/base/money"
	"github.com/loopers-commerce/commerce/internal/base/text"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
)

// Catalogue is the shop that a file of invoices describes.
type Catalogue struct {
	Shop    seed.Shop
	Lines   int
	Used    int
	Skipped map[Reason]int
	// Broken describes the first few lines that could not be read.
	Broken []string
}

// brand is the brand of all products: the file has no brands.
const brand = "Online Retail"

// stockFactor is the initial stock as a multiple of the sales of the year, so that a replay of the
// year never sells out.
const stockFactor = 2

// ReadCatalogue builds products and customers from all lines of a file. A product gets its most
// frequent name and price.
func ReadCatalogue(r io.Reader) (Catalogue, error) {
	c := Catalogue{Skipped: map[Reason]int{}}
	builder := catalogueBuilder{products: map[string]*productStats{}, customers: map[string]bool{}}
	err := Read(r, func(l Line) error {
		c.Lines++
		builder.addCustomer(l)
		if reason := l.SkipReason(); reason != "" {
			c.Skipped[reason]++
			return nil
		}
		c.Used++
		builder.addProduct(l)
		return nil
	}, func(line int, err error) {
		c.Lines++
		c.Skipped[Unreadable]++
		if len(c.Broken) < 10 {
			c.Broken = append(c.Broken, fmt.Sprintf("line %d %v", line, err))
		}
	})
	c.Shop = builder.shop()
	return c, err
}

// catalogueBuilder collects the products and customers of a file.
type catalogueBuilder struct {
	products  map[string]*productStats
	customers map[string]bool
}

// productStats counts the names, prices and sold pieces of a product.
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
	if name := text.Name(l.Name, math.MaxInt); name.Wrong == "" {
		s.names[name.Text]++
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

// mostFrequent returns the key with the highest count, or the smallest of several such keys.
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

// customer returns a user for a customer number. The file knows nothing else of customers, so the
// other fields are made up.
func customer(number string) seed.Customer {
	login := LoginID(number)
	return seed.Customer{
		LoginID: login, Email: strings.ToLower(login) + "@customers.example",
		BirthDate: "1980-01-01", Gender: user.Female,
	}
}
