package operator

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/parquet"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/export"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
)

type exportCommand struct {
	config.Database
	config.Log
	output

	From config.Date `help:"First day to export, for example 20261101." placeholder:"DAY" required:""`
	To   config.Date `help:"Last day to export, inclusive. It must be over: a day ends at midnight in Asia/Seoul." placeholder:"DAY" required:""`
	Out  string      `help:"Folder for the files; it is created if it does not exist." placeholder:"DIR" required:""`
}

// Help returns the text that kong prints below the summary of the command.
func (*exportCommand) Help() string {
	return `Writes counters/day=DAY, sales/day=DAY and weights/day=DAY, each with one Parquet file, and then _manifests/DAY.json, which says what they were made from. docs/scale.md describes the columns, and how DuckDB, Spark and Trino compute rankings from them.

You can stop the command (Ctrl-C) or kill it, and run it again: days that are finished are skipped, and days that have changed since, by late events or cancellations, are written again. A reader never sees half a file.`
}

// Check implements config.Checker.
func (c *exportCommand) Check() []error {
	if to := c.To.Get(); to != 0 && to < c.From.Get() {
		return []error{errors.New("--to (TO) is before --from (FROM)")}
	}
	return nil
}

// exportedDay is the JSON output for one day.
type exportedDay struct {
	Day      clock.Day      `json:"day"`
	Result   export.Outcome `json:"result"`
	Counters int64          `json:"counters"` // rows written
	Sales    int64          `json:"sales"`
}

// Run implements the command.
func (c *exportCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	days, err := export.Closed(c.From.Get(), c.To.Get(), s.env.Clock())
	if err != nil {
		return err
	}
	folder, err := parquet.Open(c.Out)
	if err != nil {
		return err
	}
	defer folder.Close()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		done, err := exportDays(s, export.New(db, folder), days)
		if err != nil {
			return fmt.Errorf("the export stopped; run the command again to continue: %w", err)
		}
		rows := make([][]string, len(done))
		for i, d := range done {
			rows[i] = []string{d.Day.String(), string(d.Result), strconv.FormatInt(d.Counters, 10), strconv.FormatInt(d.Sales, 10)}
		}
		return c.printTable(s.stdout, done, []string{"DAY", "RESULT", "COUNTERS", "SALES"}, rows)
	})
}

// exportDays exports days, and shows the progress on a terminal.
func exportDays(s *session, e *export.Exporter, days []clock.Day) ([]exportedDay, error) {
	done := make([]exportedDay, 0, len(days))
	bar := progress(s.stderr, len(days), "exporting days")
	for _, day := range days {
		d := exportedDay{Day: day}
		var err error
		d.Result, err = e.Day(s.ctx, day, func(r export.Rows) error {
			d.Counters += r.Counters
			d.Sales += r.Sales
			bar.Describe(fmt.Sprintf("exporting %s, %d rows", day, d.Counters+d.Sales))
			return s.ctx.Err()
		})
		if err != nil {
			return done, err
		}
		s.env.Log.Debug("exported", "day", day, "result", d.Result)
		done = append(done, d)
		_ = bar.Add(1)
	}
	return done, nil
}
