package operator

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/retail"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/seed"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
)

type seedCommand struct {
	config.Database
	config.Log
	output

	Demo         bool   `help:"Add a small demo shop. No file is needed."`
	OnlineRetail string `help:"Add the products and customers of a real gift shop: the UCI data set 'Online Retail' as CSV, plain or gzipped." placeholder:"PATH"`
}

// Check implements config.Checker.
func (c *seedCommand) Check() []error {
	if c.Demo == (c.OnlineRetail != "") {
		return []error{errors.New("give either --demo or --online-retail PATH")}
	}
	return nil
}

// seedReport is the JSON output of the command.
type seedReport struct {
	seed.Summary

	Lines   int                   `json:"lines,omitempty"`
	Used    int                   `json:"used,omitempty"`
	Skipped map[retail.Reason]int `json:"skipped,omitempty"`
}

// Run implements the command.
func (c *seedCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		catalogue := retail.Catalogue{Shop: seed.Demo()}
		if c.OnlineRetail != "" {
			var err error
			if catalogue, err = readCatalogue(c.OnlineRetail); err != nil {
				return err
			}
		}
		bar := progress(s.stderr, catalogue.Shop.Size(), "seeding")
		summary, err := seed.New(db, s.env.IDs, s.env.Clock).Seed(s.ctx, catalogue.Shop, func(n int) {
			_ = bar.Add(n)
		})
		if err != nil {
			return fmt.Errorf("seeding stopped; run the command again to continue: %w", err)
		}
		return c.print(s, catalogue, summary)
	})
}

func readCatalogue(path string) (retail.Catalogue, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the user's own choice
	if err != nil {
		return retail.Catalogue{}, err
	}
	defer f.Close()
	c, err := retail.ReadCatalogue(f)
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if c.Used == 0 {
		return c, fmt.Errorf("%s: it has no line with a product: %s", path, retail.Summary(c.Lines, c.Skipped, c.Broken))
	}
	return c, nil
}

func (c *seedCommand) print(s *session, from retail.Catalogue, sum seed.Summary) error {
	for _, problem := range from.Broken {
		s.env.Log.Warn("a line was skipped", "reason", problem)
	}
	rows := [][]string{
		{"brands", strconv.Itoa(sum.Brands.Added), strconv.Itoa(sum.Brands.Before)},
		{"products", strconv.Itoa(sum.Products.Added), strconv.Itoa(sum.Products.Before)},
		{"coupons", strconv.Itoa(sum.Coupons.Added), strconv.Itoa(sum.Coupons.Before)},
		{"customers", strconv.Itoa(sum.Customers.Added), strconv.Itoa(sum.Customers.Before)},
	}
	value := seedReport{sum, from.Lines, from.Used, from.Skipped}
	if err := c.printTable(s.stdout, value, []string{"", "ADDED", "THERE BEFORE"}, rows); err != nil || c.JSON || from.Lines == 0 {
		return err
	}
	if _, err := fmt.Fprintln(s.stdout); err != nil {
		return err
	}
	return table(s.stdout, []string{"LINES", strconv.Itoa(from.Lines)}, lineCounts(from))
}

func lineCounts(from retail.Catalogue) [][]string {
	rows := [][]string{{"used", strconv.Itoa(from.Used)}}
	for _, reason := range slices.Sorted(maps.Keys(from.Skipped)) {
		rows = append(rows, []string{"skipped: " + string(reason), strconv.Itoa(from.Skipped[reason])})
	}
	return rows
}
