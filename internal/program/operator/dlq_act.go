package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/base/id"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

// pick are the flags of commands that act on one letter, or on all that match.
type pick struct {
	letterFilter

	ID  *id.ID `arg:"" optional:"" help:"Id of one dead letter. Without it: all letters that match the flags."`
	All bool   `help:"Without an id and other filters: all letters of the state."`
}

var errPick = errors.New("give the id of a letter, a filter such as --group or --type, or --all")

// filter returns what to act on. One letter has its id in the filter.
func (p *pick) filter() (deadletter.Filter, error) {
	f, narrow, err := p.letterFilter.filter()
	switch {
	case err != nil:
		return f, err
	case p.ID != nil && (narrow || p.All):
		return f, errors.New("give either the id of a letter or a filter")
	case p.ID != nil:
		f.ID = *p.ID
	case !narrow && !p.All:
		return f, errPick
	}
	return f, nil
}

type dlqReplayCommand struct {
	dlqFlags
	pick
	why

	State      string       `help:"Replay the letters of this state: NEW, REPLAYED or DISCARDED. A letter that is named by its id is replayed whatever its state." enum:"NEW,REPLAYED,DISCARDED" default:"NEW" placeholder:"STATE"`
	Rate       config.Count `help:"Maximum number of letters a second." default:"100"`
	MaxReplays config.Count `help:"Leave letters alone that were replayed so often." default:"3"`
	Old        bool         `help:"Replay events older than 29 days, too. Their group may have forgotten that it has counted them: those count twice."`
	DryRun     bool         `help:"Send nothing: count what would be sent, and show what the group would do."`
}

// Help returns the text that kong prints below the summary of the command.
func (*dlqReplayCommand) Help() string {
	return "A letter goes to the first retry topic of its own group; other groups do not see it. It keeps its key and the id of its event, and has all three attempts before it. " +
		"A letter that fails again is new again, in the same line. " +
		"A replay that was stopped or killed goes on when the same command is run again: it sends what it has left. See its progress with commerce-batch history."
}

// Run implements the command.
func (c *dlqReplayCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	f, err := c.filter()
	if err != nil {
		return err
	}
	if f.ID.IsZero() {
		f.State = deadletter.State(c.State)
	}
	terms := deadletters.Terms{MaxReplays: c.MaxReplays.Get(), Old: c.Old}
	return c.with(s, func(u wire.Infra, desk *deadletters.Service) error {
		if c.DryRun {
			trial, err := desk.Try(s.ctx, f, terms, sampled)
			if err != nil {
				return err
			}
			return c.trial(s, trial)
		}
		order, err := c.order()
		if err != nil {
			return err
		}
		if f.ID.IsZero() {
			return c.bulk(s, u, desk, deadletters.ReplayJob, deadletters.Parameters(f, order, terms, c.Rate.Get()), order.Actor)
		}
		d, err := desk.Replay(s.ctx, f.ID, terms, order)
		if err != nil {
			return err
		}
		return c.details(s, d)
	})
}

// sampled is how many letters a dry run shows.
const sampled = 20

// trial prints what a replay would do.
func (c *dlqReplayCommand) trial(s *session, t deadletters.Trial) error {
	value := trialRowOf(t)
	header := []string{"LETTER", "GROUP", "ORIGIN", "KEY", "TYPE", "REPLAYS", "WOULD", "WHY"}
	if err := c.printTable(s.stdout, value, header, mapped(value.Sample, triedRow.cells)); err != nil || c.JSON {
		return err
	}
	var parts []string
	for _, v := range deadletters.Verdicts() {
		if n := t.Counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	more := ""
	if int64(len(t.Sample)) < t.Letters {
		more = fmt.Sprintf(", the first %d of them are shown", len(t.Sample))
	}
	_, err := fmt.Fprintf(s.stdout, "\nDry run: %s match%s. %d would be sent. %s\n", letters(t.Letters), more, t.Goes, strings.Join(parts, ", "))
	return err
}

type dlqDiscardCommand struct {
	dlqFlags
	pick
	why
}

// Help returns the text that kong prints below the summary of the command.
func (*dlqDiscardCommand) Help() string {
	return "A discarded letter stays in the list of --state DISCARDED for 90 days, and can be replayed until then."
}

// Run implements the command.
func (c *dlqDiscardCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	f, err := c.filter()
	if err != nil {
		return err
	}
	order, err := c.order()
	if err != nil {
		return err
	}
	return c.with(s, func(u wire.Infra, desk *deadletters.Service) error {
		if f.ID.IsZero() {
			return c.bulk(s, u, desk, deadletters.DiscardJob, deadletters.Parameters(f, order, deadletters.Terms{}, 0), order.Actor)
		}
		d, err := desk.Discard(s.ctx, f.ID, order)
		if err != nil {
			return err
		}
		return c.details(s, d)
	})
}

// bulkRow is the JSON output of a bulk action.
type bulkRow struct {
	Execution string     `json:"execution"`
	Status    string     `json:"status"`
	Message   string     `json:"message"`
	Done      job.Counts `json:"done"` // by all executions of the run
}

// bulk runs a job of the desk, and prints what it has done.
func (c *dlqFlags) bulk(s *session, u wire.Infra, desk *deadletters.Service, name string, p job.Parameters, by string) error {
	bar := newLetterProgress(s.stderr)
	e, err := u.Runner(desk.Jobs(), bar).Run(s.ctx, jobs.Request{Job: name, Parameters: p, Workers: 1, StartedBy: by, Wait: true})
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(s.ctx) // a signal has ended it if the job was stopped
	row := bulkRow{Execution: e.ID.String(), Status: string(e.Status), Message: e.Message}
	err = u.DB.View(ctx, func(tx store.Tx) error {
		sums, err := tx.Parts.Summaries(ctx, e.Run)
		for _, sum := range sums {
			row.Done = row.Done.Plus(sum.Counts)
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		err = c.printTable(s.stdout, row, nil, nil)
	} else {
		_, err = fmt.Fprintf(s.stdout, "%s: %s read, %d done, %d left alone.\n", e.Status, letters(row.Done.Read), row.Done.Written, row.Done.Skipped)
	}
	if err == nil && e.Status != job.Completed {
		err = fmt.Errorf("%s: %s; the same command goes on", strings.ToLower(string(e.Status)), e.Message)
	}
	return err
}
