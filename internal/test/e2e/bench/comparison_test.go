package bench_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

var rounds = flag.Int("rounds", 5, "how many rounds each benchmark runs")

// side is one of the sides that are compared. run works for one round and returns its
// rate: more is better.
type side struct {
	name string
	run  func(b *testing.B) float64
}

// comparison compares our rate with a baseline.
type comparison struct {
	unit           string // of both rates: "orders/s"
	ours, baseline side
	goal           float64 // the least ratio
	others         []side  // more to compare with, without a goal
}

// run runs all sides once to warm up, and then in turn for some rounds. The ratio of a
// round compares two measurements that follow each other, so that a machine that slows
// down slows both.
func (c comparison) run(b *testing.B) {
	b.Helper()
	sides := append([]side{c.baseline, c.ours}, c.others...)
	for b.Loop() {
		rates := make([][]float64, len(sides))
		for round := range *rounds + 1 {
			for i, s := range sides {
				if rate := s.run(b); round > 0 {
					rates[i] = append(rates[i], rate)
				}
			}
		}
		c.report(b, rates[1], rates[0], rates[2:])
	}
}

func (c comparison) report(b *testing.B, ours, limit []float64, besides [][]float64) {
	b.Helper()
	ratio := ratioOf(ours, limit)
	verdict := "met"
	if ratio.median < c.goal {
		verdict = "MISSED"
	}
	rows := [][]string{
		{"", "median", "least", "most", ""},
		spreadOf(limit).row(c.baseline.name, "%.0f", c.unit),
		spreadOf(ours).row(c.ours.name, "%.0f", c.unit),
		ratio.row("ratio", "%.2f", fmt.Sprintf("goal %.2f: %s", c.goal, verdict)),
	}
	for i, s := range c.others {
		rows = append(rows, spreadOf(besides[i]).row(s.name, "%.0f", c.unit),
			ratioOf(ours, besides[i]).row("ratio to it", "%.2f", "no goal"))
	}
	table(b, rows)
	b.ReportMetric(ratio.median, "ratio")
	b.ReportMetric(spreadOf(ours).median, c.unit)
	b.ReportMetric(0, "ns/op") // a round is not an operation
}

// ratioOf compares the figures of each round.
func ratioOf(ours, limit []float64) spread {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / limit[i]
	}
	return spreadOf(ratios)
}

// spread is the median and the range of the figures of all rounds.
type spread struct{ median, least, most float64 }

func spreadOf(figures []float64) spread {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return spread{median: (sorted[(n-1)/2] + sorted[n/2]) / 2, least: sorted[0], most: sorted[n-1]}
}

func (s spread) row(name, format, note string) []string {
	return []string{name, fmt.Sprintf(format, s.median), fmt.Sprintf(format, s.least), fmt.Sprintf(format, s.most), note}
}

// table prints rows as a table.
func table(b *testing.B, rows [][]string) {
	b.Helper()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush()                       // it writes to memory
	fmt.Printf("\n%s\n", text.String()) // a log would keep ten lines only
}
