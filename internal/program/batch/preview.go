package batch

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/console"
)

// previews collect what a dry run would change, until the job has ended: a chunk may run
// again, and periods come in any order.
type previews struct {
	mu  sync.Mutex
	all map[ranking.Period][]rollup.Change
}

func newPreviews() *previews { return &previews{all: map[ranking.Period][]rollup.Change{}} }

func (p *previews) add(_ context.Context, period ranking.Period, changes []rollup.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[period] = changes
}

// periods returns the periods by kind, oldest first.
func (p *previews) periods() (all []ranking.Period) {
	for period := range p.all {
		all = append(all, period)
	}
	slices.SortFunc(all, func(a, b ranking.Period) int {
		return cmp.Or(cmp.Compare(slices.Index(ranking.Kinds(), a.Kind), slices.Index(ranking.Kinds(), b.Kind)), cmp.Compare(a.First, b.First))
	})
	return all
}

// print prints what a dry run would change. Without a dry run it prints nothing.
func (p *previews) print(w io.Writer) error {
	if len(p.all) == 0 {
		return nil
	}
	var rows [][]string
	for _, period := range p.periods() {
		for _, c := range p.all[period] {
			rows = append(rows, previewCells(period, c))
		}
	}
	header := []string{"PERIOD", "PRODUCT", "RANK NOW", "RANK THEN", "SCORE NOW", "SCORE THEN", "CHANGE"}
	if err := console.Table(w, header, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d rankings would have %d changes. Nothing was published.\n\n", len(p.all), len(rows))
	return err
}

func previewCells(period ranking.Period, c rollup.Change) []string {
	cells := []string{period.Key(), strconv.FormatInt(c.ProductID(), 10), "-", strconv.FormatInt(c.After.Rank, 10), "-", c.After.Score.String()}
	if !c.Entered() {
		cells[2], cells[4] = strconv.FormatInt(c.Before.Rank, 10), c.Before.Score.String()
	}
	if c.Left() {
		cells[3], cells[5] = "-", "-"
	}
	return append(cells, changeText(c))
}

// changeText says what happens to a product.
func changeText(c rollup.Change) string {
	switch moved := c.Moved(); {
	case c.Entered():
		return "in"
	case c.Left():
		return "out"
	case moved > 0:
		return fmt.Sprintf("up %d", moved)
	case moved < 0:
		return fmt.Sprintf("down %d", -moved)
	case c.Before.Score != c.After.Score:
		return "score"
	default:
		return "counters"
	}
}

// previewRow is what a dry run would change for a product, in the JSON output.
type previewRow struct {
	Kind      ranking.Kind    `json:"kind"`
	Period    string          `json:"period"`
	ProductID int64           `json:"productId"`
	Now       *previewedPlace `json:"now"`  // null: it is not in the ranking
	Then      *previewedPlace `json:"then"` // null: it would not be
	Change    string          `json:"change"`
}

type previewedPlace struct {
	Rank  int64          `json:"rank"`
	Score ranking.Points `json:"score"`
}

// json returns what a dry run would change; nil without a dry run.
func (p *previews) json() (rows []previewRow) {
	if len(p.all) > 0 {
		rows = []previewRow{}
	}
	for _, period := range p.periods() {
		for _, c := range p.all[period] {
			row := previewRow{Kind: period.Kind, Period: period.Key(), ProductID: c.ProductID(), Change: changeText(c)}
			if !c.Entered() {
				row.Now = &previewedPlace{c.Before.Rank, c.Before.Score}
			}
			if !c.Left() {
				row.Then = &previewedPlace{c.After.Rank, c.After.Score}
			}
			rows = append(rows, row)
		}
	}
	return rows
}
