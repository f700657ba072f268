package batch

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/console"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

type listCommand struct {
	flags
	output
	rules
}

// rules change the schedules.
type rules struct {
	Schedules string `help:"Rules that replace those of the schedules in commerce-batch list: name=every 1h;name=daily at 00:10;name=off. Parameters may follow: eventLogPurge=daily at 04:30 days=30." placeholder:"NAME=RULE;..."`
}

// Check implements config.Checker.
func (c *listCommand) Check() []error { return c.check() }

func (c *rules) check() []error {
	if _, err := parseRules(c.Schedules); err != nil {
		return []error{errors.Join(errors.New("--schedules (SCHEDULES)"), err)}
	}
	return nil
}

func (c *rules) get() map[string]Rule {
	all, _ := parseRules(c.Schedules) // it was checked
	return all
}

// jobRow is a job in the JSON output.
type jobRow struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Schedules   []scheduleRow  `json:"schedules"`
	Parameters  []parameterRow `json:"parameters"`
	Last        *executionRow  `json:"last"`
}

type scheduleRow struct {
	Name       string         `json:"name"`
	Rule       string         `json:"rule"`
	Parameters job.Parameters `json:"parameters"`
	Next       *time.Time     `json:"nextAt"`
}

type parameterRow struct {
	Name    string `json:"name"`
	Help    string `json:"help"`
	Default string `json:"default"`
}

// Run implements the command.
func (c *listCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.withRunner(c.Database, func(u wire.Infra, r *jobs.Runner) error {
		if _, err := r.Bury(s.ctx); err != nil {
			return err
		}
		var value []jobRow
		for _, j := range r.Jobs() {
			row, err := c.row(s, u.DB, j)
			if err != nil {
				return err
			}
			value = append(value, row)
		}
		if c.JSON {
			return console.JSON(s.stdout, value)
		}
		var rows [][]string
		for _, v := range value {
			rows = append(rows, v.cells())
		}
		err := console.Table(s.stdout, []string{"JOB", "SCHEDULE", "NEXT", "LAST", "DESCRIPTION"}, rows)
		if err == nil {
			_, err = fmt.Fprintln(s.stdout, "\nTimes are those of Asia/Seoul. The parameters of a job: commerce-batch run JOB --help")
		}
		return err
	})
}

func (c *listCommand) row(s *session, db store.DB, j jobs.Job) (jobRow, error) {
	v := jobRow{j.Name, j.Description, []scheduleRow{}, []parameterRow{}, nil}
	for _, e := range withRules(schedules(), c.get()) {
		if e.Job != j.Name {
			continue
		}
		row := scheduleRow{e.Name, e.When.String(), e.Parameters, nil}
		if !e.When.Off() {
			next := e.When.Next(s.env.Clock())
			row.Next = &next
		}
		v.Schedules = append(v.Schedules, row)
	}
	for _, p := range j.Parameters {
		v.Parameters = append(v.Parameters, parameterRow(struct{ Name, Help, Default string }{p.Name, p.Help, p.Default}))
	}
	err := db.View(s.ctx, func(tx store.Tx) error {
		found, err := tx.Jobs.List(s.ctx, j.Name, id.ID{}, 1)
		if len(found) > 0 {
			last := rowOf(found[0])
			v.Last = &last
		}
		return err
	})
	return v, err
}

// inWords returns the rule and the parameters: "daily at 04:30 days=30".
func (r scheduleRow) inWords() string {
	words := []string{r.Rule}
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		words = append(words, name+"="+r.Parameters[name])
	}
	return strings.Join(words, " ")
}

func (v jobRow) cells() []string {
	var rules, next []string
	for _, e := range v.Schedules {
		rules, next = append(rules, e.inWords()), append(next, at(e.Next))
	}
	last := "-"
	if v.Last != nil {
		last = v.Last.Status + " " + at(&v.Last.CreatedAt)
	}
	dash := func(list []string) string { return cmp.Or(strings.Join(slices.Compact(list), ", "), "-") }
	return []string{v.Name, dash(rules), dash(next), last, v.Description}
}
