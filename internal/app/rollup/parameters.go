package rollup

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	"github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// ErrParameters is returned for parameters that no ranking can be computed by.
var ErrParameters = fault.New(fault.Invalid, "INVALID_PARAMETERS", "the parameters of the job are wrong")

// options are the parameters of a run.
type options struct {
	first, last clock.Day // 0: what is due
	onlyDue     bool
	days        func() (first, last clock.Day) // of a step that mends; nil: of no such step
	ranges      int                            // 0: by the number of products
	top         int64
	dryRun      bool
}

func parameters(top int64) []batch.Parameter {
	return []batch.Parameter{
		{Name: "date", Help: "A day, as 2026-11-28: compute the periods that it is in, instead of those that are due.", Day: true},
		{Name: "from", Help: "First day of a backfill: compute all periods that overlap the days, up to the running ones.", Day: true},
		{Name: "to", Help: "Last day of a backfill; by default today.", Day: true},
		{Name: "only-failed", Help: "Of a backfill, compute only what is missing or stale.", Default: "false"},
		{Name: "ranges", Help: "Number of ranges of products per period; 0: one for each 500,000 products.", Default: "0"},
		{Name: "top", Help: "Number of ranks that are kept.", Default: strconv.FormatInt(top, 10)},
		{Name: "dry-run", Help: "Print what would change, and publish nothing.", Default: "false"},
	}
}

// parse reads the parameters of a job that keeps top ranks by default.
func parse(p job.Parameters, top int64) (o options, err error) {
	var ranges int64
	for name, read := range map[string]func(text string) error{
		"date":        func(text string) (err error) { o.first, err = dayOf(text); o.last = o.first; return err },
		"ranges":      func(text string) error { return number(text, 0, mostRanges, &ranges) },
		"top":         func(text string) error { return number(text, 1, mostRanks, &o.top) },
		"only-failed": func(text string) (err error) { o.onlyDue, err = strconv.ParseBool(text); return err },
		"dry-run":     func(text string) (err error) { o.dryRun, err = strconv.ParseBool(text); return err },
	} {
		if text := p[name]; text != "" {
			if err := read(text); err != nil {
				return o, ErrParameters.Because("%s: %.20q cannot be used: %v", name, text, err)
			}
		}
	}
	o.ranges, o.top = int(ranges), cmp.Or(o.top, top)
	err = o.span(p)
	return o, err
}

// span reads the days of a backfill.
func (o *options) span(p job.Parameters) (err error) {
	if p["from"] == "" && p["to"] == "" {
		return nil
	}
	if p["date"] != "" || p["from"] == "" {
		return ErrParameters.Because("give either date, or from, or from and to")
	}
	if o.first, err = dayOf(p["from"]); err != nil {
		return ErrParameters.Because("from: %v", err)
	}
	if o.last, err = dayOf(cmp.Or(p["to"], lastDay.String())); err != nil {
		return ErrParameters.Because("to: %v", err)
	}
	if o.last < o.first {
		return ErrParameters.Because("to is before from")
	}
	return nil
}

// dayOf accepts 2026-11-28 and 20261128.
func dayOf(text string) (clock.Day, error) { return clock.ParseDay(strings.ReplaceAll(text, "-", "")) }

func number(text string, least, most int64, n *int64) (err error) {
	*n, err = strconv.ParseInt(text, 10, 64)
	if err == nil && (*n < least || *n > most) {
		err = fault.New(fault.Invalid, "INVALID_NUMBER", "it must be "+strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10))
	}
	return err
}

// selection returns the periods of a kind that the options name, oldest first. Periods
// that have not begun have no ranking.
func (o options) selection(kind ranking.Kind, today clock.Day) (all []ranking.Period) {
	end := min(o.last, today)
	for p := ranking.PeriodOf(kind, o.first); p.First <= end; p = p.Next() {
		all = append(all, p)
	}
	return all
}

// count returns the number of ranges for products with ids up to newest.
func (o options) count(newest int64) int {
	if o.ranges > 0 {
		return o.ranges
	}
	return int(min(max(math.Ceil(float64(newest)/productsFew), 1), mostRanges))
}
