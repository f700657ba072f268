package batch

import (
	"context"
	"fmt"
	"os/user"
	"strings"

	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/console"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

type runCommand struct {
	flags
	config.Kafka
	config.Redis
	output

	Job        string       `arg:"" help:"Name of the job: commerce-batch list."`
	Parameters []string     `arg:"" optional:"" name:"name=value" help:"Parameters of the job; --name=value does as well. See commerce-batch run JOB --help."`
	Partitions config.Count `help:"Number of partitions to work on at the same time." default:"2"`
	Fresh      bool         `help:"Begin a new run, even if the last one can be restarted."`
	By         string       `help:"Who starts the job, for the history; by default the user of the system." placeholder:"NAME"`
}

// Help returns the text that kong prints below the summary of the command.
func (*runCommand) Help() string {
	return "A terminal shows a progress bar. The first signal (Ctrl-C) stops the job in order, and the same command restarts it later: what is completed is not done again. " +
		"Exit codes: 0 completed, 1 failed, 2 wrong command line, 3 stopped, 4 the job is running already."
}

// Run implements the command.
func (c *runCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	p, err := parameters(c.Parameters)
	if err != nil {
		return err
	}
	return s.with(c.Database, c.Redis, func(u wire.Infra) error {
		u.Kafka = s.kafka(c.Kafka)
		m, err := silentMetrics()
		if err != nil {
			return err
		}
		bar := newProgress(s.stderr, s.env.Log, s.env.Clock)
		dry := newPreviews()
		r := newRunner(u, bar, hooks{metrics: m, preview: dry.add})
		e, err := r.Run(s.ctx, jobs.Request{
			Job: c.Job, Parameters: p, Workers: c.Partitions.Get(), Fresh: c.begins(p), StartedBy: startedBy(c.By), Wait: true,
		})
		if err != nil {
			return err
		}
		return c.result(s, u, e, dry)
	})
}

// begins reports whether a new run begins. A dry run that was stopped does: what it has
// found is not kept.
func (c *runCommand) begins(p job.Parameters) bool { return c.Fresh || p["dry-run"] == "true" }

// resultRow is the JSON output of run.
type resultRow struct {
	detailsRow

	Preview []previewRow `json:"preview"` // of a dry run; otherwise null
}

// result prints what an execution has done. The error has the exit code.
func (c *runCommand) result(s *session, u wire.Infra, e job.Execution, dry *previews) error {
	s.ctx = context.WithoutCancel(s.ctx) // a signal has ended it if the job was stopped
	d, err := readDetails(s, u.DB, e.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		err = console.JSON(s.stdout, resultRow{d.json(), dry.json()})
	} else if err = dry.print(s.stdout); err == nil {
		err = d.printShort(s.stdout)
	}
	if err != nil {
		return err
	}
	return failure(e)
}

// failure returns an error unless the execution is completed.
func failure(e job.Execution) error {
	switch e.Status {
	case job.Completed:
		return nil
	case job.Stopped:
		return exitError{fmt.Errorf("%s was stopped: %s; the same command restarts it", e.Job, e.Message), exitStopped}
	default:
		return fmt.Errorf("%s failed: %s", e.Job, e.Message)
	}
}

// parameters parses name=value.
func parameters(given []string) (job.Parameters, error) {
	p := job.Parameters{}
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, jobs.ErrParameters.Because("%q has no value: give name=value, or --name=value", text)
		}
		if before, twice := p[name]; twice && before != value {
			return nil, jobs.ErrParameters.Because("%s is given twice: %q and %q", name, before, value)
		}
		p[name] = value
	}
	return p, nil
}

// startedBy returns who starts a job.
func startedBy(given string) string {
	if given != "" {
		return given
	}
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "somebody"
	}
	return u.Username
}
