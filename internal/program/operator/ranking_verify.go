package operator

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/rollup"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/batch"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

type rankingVerifyCommand struct{ rankingFlags }

// Help returns the text that kong prints below the summary of the command.
func (*rankingVerifyCommand) Help() string {
	return "Compares the live rankings in Redis, and the published rankings of days, weeks and months, with the counters in the database: by checksum first, and product by product where those differ. " +
		"The exit code is 1 if there is a difference; commerce ranking rebuild mends it. " +
		"A published ranking that is missing or stale is no difference: its job publishes it at the next due time."
}

// verified is the JSON output of the command.
type verified struct {
	leaderboard.Report

	Tables []verifiedTable `json:"tables"`
}

// verifiedTable is the result for the published ranking of a period.
type verifiedTable struct {
	Kind   ranking.Kind `json:"kind"`
	Period string       `json:"period"`
	// State is right, wrong, stale, missing, or unknown: then its counters are no longer
	// kept by day.
	State       string          `json:"state"`
	Rows        int64           `json:"rows"` // that are published
	Differences []rowDifference `json:"differences"`
}

// rowDifference is a value of a row that is not as the counters say; null where there
// should be, or is, no row.
type rowDifference struct {
	ProductID int64  `json:"productId"`
	What      string `json:"what"`
	Want      *int64 `json:"want"`
	Got       *int64 `json:"got"`
}

// Run implements the command.
func (c *rankingVerifyCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return c.withInfra(s, func(u wire.Infra) error {
		found, err := c.verify(s, u)
		if err != nil {
			return err
		}
		if err := c.print(s.stdout, found); err != nil {
			return err
		}
		if found.differences() > 0 {
			return run.ErrReported
		}
		return nil
	})
}

// verify compares the rankings. On a terminal it shows which one it compares.
func (c *rankingVerifyCommand) verify(s *session, u wire.Infra) (found verified, err error) {
	bar, scope := spinner(s.stderr), c.scope()
	defer bar.Finish() //nolint:errcheck // failing to draw a progress bar is no error
	found = verified{leaderboard.Report{Days: []clock.Day{}, Differences: []leaderboard.Difference{}}, []verifiedTable{}}
	if scope.Boards() {
		bar.Describe("comparing boards")
		board := batch.Board(u)
		found.Report, err = leaderboard.NewVerifier(u.DB, board, s.env.Clock, s.env.Log).CheckMarks(board).
			Verify(s.ctx, scope.BoardDays(s.env.Clock()), func(n int64) { bar.Describe(fmt.Sprintf("comparing boards, %d products", n)) })
		if err != nil {
			return found, fmt.Errorf("compare the boards (--what tables leaves them out): %w", err)
		}
	}
	if !scope.Tables() {
		return found, nil
	}
	first, last := scope.TableDays(s.env.Clock())
	for _, kind := range ranking.Kinds() {
		err := batch.Published(u).Verify(s.ctx, kind, first, last, func(v rollup.Verdict) error {
			bar.Describe(fmt.Sprintf("comparing the %s table, %s", kind, v.Period.Key()))
			found.Tables = append(found.Tables, tableOf(v))
			return nil
		})
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

func tableOf(v rollup.Verdict) verifiedTable {
	t := verifiedTable{v.Period.Kind, v.Period.Key(), "right", v.Rows, []rowDifference{}}
	switch {
	case v.Unknown:
		t.State = "unknown"
	case v.Missing:
		t.State = "missing"
	case v.Stale:
		t.State = "stale"
	case v.Wrong():
		t.State, t.Differences = "wrong", rowDifferences(v)
	}
	return t
}

// rowDifferences returns what differs in the rows of a ranking. A row that is missing or
// should not be there is named by its score.
func rowDifferences(v rollup.Verdict) (all []rowDifference) {
	for _, c := range v.Changes {
		for _, f := range c.Fields() {
			all = append(all, rowDifference{c.ProductID(), f.Name, f.After, f.Before})
		}
	}
	if v.Named != v.Rows {
		all = append(all, rowDifference{What: "number of rows", Want: &v.Rows, Got: &v.Named})
	}
	return all
}

// differences returns the number of differences.
func (v verified) differences() (n int) {
	n = len(v.Differences)
	for _, t := range v.Tables {
		n += len(t.Differences)
	}
	return n
}

func (c *rankingVerifyCommand) print(w io.Writer, v verified) error {
	header := []string{"WHERE", "PERIOD", "PRODUCT", "WHAT", "SHOULD BE", "IS"}
	if err := c.printTable(w, v, header, v.places()); err != nil || c.JSON {
		return err
	}
	_, err := io.WriteString(w, v.summary(c.scope()))
	return err
}

func (v verified) places() (rows [][]string) {
	for _, d := range v.Differences {
		row := []string{"board", d.Day.String(), strconv.FormatInt(d.ProductID, 10), d.What, points(d.Want), points(d.Got)}
		if d.ProductID == 0 { // the whole board
			row[2], row[4], row[5] = "-", "whole", "-"
		}
		rows = append(rows, row)
	}
	for _, t := range v.Tables {
		for _, d := range t.Differences {
			product, show := strconv.FormatInt(d.ProductID, 10), plain
			if d.ProductID == 0 {
				product = "-"
			}
			if d.What == "score" {
				show = points
			}
			rows = append(rows, []string{string(t.Kind) + " table", t.Period, product, d.What, show(d.Want), show(d.Got)})
		}
	}
	return rows
}

func points(micro *int64) string {
	if micro == nil {
		return "-"
	}
	return ranking.Points(*micro).String()
}

func plain(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

// summary says what was compared.
func (v verified) summary(scope batch.Scope) (text string) {
	if scope.Boards() {
		text = fmt.Sprintf("Boards: %d scores of %d days compared, %d differences.\n", v.Compared, len(v.Days), len(v.Differences))
	}
	if !scope.Tables() {
		return text
	}
	states, rows := map[string][]string{}, int64(0)
	for _, t := range v.Tables {
		states[t.State] = append(states[t.State], string(t.Kind)+" "+t.Period)
		if t.State == "right" || t.State == "wrong" {
			rows += t.Rows
		}
	}
	text += fmt.Sprintf("Tables: %d rows of %d rankings compared, %d differences.\n",
		rows, len(states["right"])+len(states["wrong"]), v.differences()-len(v.Differences))
	for _, s := range []struct{ state, says string }{
		{"stale", "were not compared, because their counters have changed since. Their jobs publish them again"},
		{"missing", "are not published yet. Their jobs publish them"},
		{"unknown", "were not compared, because their counters are no longer kept by day"},
	} {
		if names := states[s.state]; len(names) > 0 {
			text += fmt.Sprintf("%d rankings %s: %s.\n", len(names), s.says, few(names))
		}
	}
	return text
}

// few returns the first names of a list.
func few(names []string) string {
	const most = 5
	if n := len(names) - most; n > 0 {
		names = append(names[:most:most], fmt.Sprintf("and %d more", n))
	}
	return cmp.Or(strings.Join(names, ", "), "-")
}
