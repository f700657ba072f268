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

type seeding struct {
	config.Database
	config.Log
	output

	Demo         bool   `help:"A small pleasant shop; no file is needed."`
	OnlineRetail string `help:"A catalogue and customers from the invoices of a real gift shop: the UCI data set 'Online Retail' as CSV, plain or gzipped." placeholder:"PATH"`
}

// Complaints implements config.Validator.
func (c *seeding) Complaints() []error {
	if c.Demo == (c.OnlineRetail != "") {
		return []error{errors.New("give either --demo or --online-retail PATH")}
	}
	return nil
}

// report is what the command answers in JSON.
type report struct {
	seed.Summary

	Lines   int                   `json:"lines,omitempty"`
	Used    int                   `json:"used,omitempty"`
	Skipped map[retail.Reason]int `json:"skipped,omitempty"`
}

// Run implements the command.
func (c *seeding) Run(s *setting) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		catalogue := retail.Catalogue{Shop: seed.Demo()}
		if c.OnlineRetail != "" {
			var err error
			if catalogue, err = read(c.OnlineRetail); err != nil {
				return err
			}
		}
		bar := progress(s.stderr, catalogue.Shop.Size(), "seeding")
		summary, err := seed.New(db, s.world.IDs, s.world.Clock).Seed(s.ctx, catalogue.Shop, func(n int) {
			_ = bar.Add(n)
		})
		if err != nil {
			return fmt.Errorf("seeding stopped, and can be started again: %w", err)
		}
		return c.answer(s, catalogue, summary)
	})
}

func read(path string) (retail.Catalogue, error) {
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
		return c, fmt.Errorf("%s: no product can be made of it: %s", path, retail.Summary(c.Lines, c.Skipped, c.Broken))
	}
	return c, nil
}

func (c *seeding) answer(s *setting, from retail.Catalogue, sum seed.Summary) error {
	for _, complaint := range from.Broken {
		s.world.Log.Warn("a line was skipped", "why", complaint)
	}
	rows := [][]string{
		{"brands", strconv.Itoa(sum.Brands.Added), strconv.Itoa(sum.Brands.Before)},
		{"products", strconv.Itoa(sum.Products.Added), strconv.Itoa(sum.Products.Before)},
		{"coupons", strconv.Itoa(sum.Coupons.Added), strconv.Itoa(sum.Coupons.Before)},
		{"customers", strconv.Itoa(sum.Customers.Added), strconv.Itoa(sum.Customers.Before)},
	}
	value := report{sum, from.Lines, from.Used, from.Skipped}
	if err := c.show(s.stdout, value, []string{"", "ADDED", "THERE BEFORE"}, rows); err != nil || c.JSON || from.Lines == 0 {
		return err
	}
	if _, err := fmt.Fprintln(s.stdout); err != nil {
		return err
	}
	return table(s.stdout, []string{"LINES", strconv.Itoa(from.Lines)}, linesBy(from))
}

func linesBy(from retail.Catalogue) [][]string {
	rows := [][]string{{"used", strconv.Itoa(from.Used)}}
	for _, why := range slices.Sorted(maps.Keys(from.Skipped)) {
		rows = append(rows, []string{"skipped: " + string(why), strconv.Itoa(from.Skipped[why])})
	}
	return rows
}
