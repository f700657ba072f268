package batch

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/console"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

type historyCommand struct {
	flags
	output

	Job    string       `help:"List only the executions of this job." placeholder:"JOB"`
	Limit  config.Count `help:"Maximum number of executions, newest first." default:"20"`
	Before id.ID        `help:"List only executions before this one: the next page." placeholder:"EXECUTION"`
}

// Run implements the command.
func (c *historyCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	if _, ok := find(c.Job); c.Job != "" && !ok {
		return unknownJob(c.Job)
	}
	return s.withRunner(c.Database, func(u wire.Infra, r *jobs.Runner) error {
		if _, err := r.Bury(s.ctx); err != nil {
			return err
		}
		var found []job.Execution
		err := u.DB.View(s.ctx, func(tx store.Tx) (err error) {
			found, err = tx.Jobs.List(s.ctx, c.Job, c.Before, c.Limit.Get()+1)
			return err
		})
		if err != nil {
			return err
		}
		return c.print(s, found)
	})
}

func (c *historyCommand) print(s *session, found []job.Execution) error {
	more := len(found) > c.Limit.Get()
	if more {
		found = found[:c.Limit.Get()]
	}
	value, rows := make([]executionRow, len(found)), make([][]string, len(found))
	for i, e := range found {
		value[i] = rowOf(e)
		rows[i] = []string{
			e.ID.String(), e.Job, string(e.Status), at(&e.CreatedAt), took(e.CreatedAt, e.EndedAt, s.env.Clock()), e.StartedBy,
			inline(e.Parameters), cmp.Or(clip(e.Message), "-"),
		}
	}
	if c.JSON {
		return console.JSON(s.stdout, value)
	}
	header := []string{"EXECUTION", "JOB", "STATUS", "STARTED", "TOOK", "BY", "PARAMETERS", "MESSAGE"}
	if err := console.Table(s.stdout, header, rows); err != nil {
		return err
	}
	text := fmt.Sprintf("%d executions.", len(found))
	if more {
		text = fmt.Sprintf("The newest %d executions; older ones: --before %s", len(found), found[len(found)-1].ID)
	}
	_, err := fmt.Fprintln(s.stdout, text)
	return err
}

// inline returns parameters in one word or a few.
func inline(p job.Parameters) string {
	var all []string
	for _, name := range p.Names() {
		all = append(all, name+"="+p[name])
	}
	return cmp.Or(strings.Join(all, " "), "-")
}

// clip returns the beginning of a long message: show has the rest.
func clip(message string) string {
	const most = 60
	if r := []rune(message); len(r) > most {
		return string(r[:most]) + "..."
	}
	return message
}

func unknownJob(name string) error {
	var names []string
	for _, j := range known() {
		names = append(names, j.Name)
	}
	return jobs.ErrUnknownJob.Because("there is no job %q; there are %s", name, strings.Join(names, ", "))
}

type stopCommand struct {
	flags

	Target string          `arg:"" name:"execution|job" help:"Id of the execution, or name of the job."`
	Wait   config.Duration `help:"How long to wait until it has stopped." default:"30s"`
}

// Run implements the command.
func (c *stopCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	execution, err := id.Parse(c.Target)
	if _, ok := find(c.Target); err != nil && !ok {
		return unknownJob(c.Target)
	}
	name := c.Target
	if err == nil {
		name = ""
	}
	return s.withRunner(c.Database, func(u wire.Infra, r *jobs.Runner) error {
		if _, err := r.Bury(s.ctx); err != nil {
			return err
		}
		e, err := r.Stop(s.ctx, execution, name)
		if errors.Is(err, job.ErrNotRunning) {
			return exitError{fmt.Errorf("%s is not running", c.Target), 1}
		}
		if err != nil {
			return err
		}
		return c.wait(s, u, r, e)
	})
}

// wait waits until the execution has ended.
func (c *stopCommand) wait(s *session, u wire.Infra, r *jobs.Runner, e job.Execution) error {
	deadline := time.After(c.Wait.Get())
	for e.Active() {
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-deadline:
			return fmt.Errorf("execution %s of %s was asked to stop, and has not stopped yet", e.ID, e.Job)
		case <-time.After(200 * time.Millisecond): //nolint:mnd // often enough for a person
		}
		if _, err := r.Bury(s.ctx); err != nil {
			return err
		}
		err := u.DB.View(s.ctx, func(tx store.Tx) (err error) {
			e, err = tx.Jobs.Find(s.ctx, e.ID)
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(s.stdout, "Execution %s of %s is %s.\n", e.ID, e.Job, e.Status)
	return err
}
