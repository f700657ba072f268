package batch

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/base/id"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/console"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/store"
)

type showCommand struct {
	flags
	output

	Execution id.ID `arg:"" help:"Id of the execution: commerce-batch history."`
	All       bool  `help:"Show all partitions, and not only those that are not completed and the first 20 others."`
}

// Run implements the command.
func (c *showCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.withRunner(c.Database, func(u wire.Infra, r *jobs.Runner) error {
		if _, err := r.Bury(s.ctx); err != nil {
			return err
		}
		d, err := readDetails(s, u.DB, c.Execution)
		if errors.Is(err, job.ErrNotFound) {
			return fmt.Errorf("there is no execution %s: see commerce-batch history", c.Execution)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return console.JSON(s.stdout, d.json())
		}
		return d.print(s.stdout, c.All)
	})
}

// details are an execution with its steps, and the partitions of the steps.
type details struct {
	execution  job.Execution
	steps      []job.Step
	sums       map[string]job.Summary // of the run, by step
	partitions []job.Partition
	now        time.Time
}

func readDetails(s *session, db store.DB, execution id.ID) (d details, err error) {
	d.now, d.sums = s.env.Clock(), map[string]job.Summary{}
	err = db.Snapshot(s.ctx, func(tx store.Tx) (err error) {
		if d.execution, err = tx.Jobs.Find(s.ctx, execution); err != nil {
			return err
		}
		if d.steps, err = tx.Progress.Steps(s.ctx, execution); err != nil {
			return err
		}
		sums, err := tx.Parts.Summaries(s.ctx, d.execution.Run)
		for _, sum := range sums {
			d.sums[sum.Step] = sum
		}
		for _, step := range d.steps {
			if err != nil {
				return err
			}
			var parts []job.Partition
			parts, err = tx.Parts.Of(s.ctx, d.execution.Run, step.Name)
			d.partitions = append(d.partitions, parts...)
		}
		return err
	})
	return d, err
}

// stepRows returns the rows of the table of steps.
func (d details) stepRows() [][]string {
	rows := make([][]string, len(d.steps))
	for i, s := range d.steps {
		sum := d.sums[s.Name]
		rows[i] = append([]string{
			s.Name, string(s.Status), fmt.Sprintf("%d/%d", sum.Completed, sum.Partitions),
		}, append(counts(s.Counts), strconv.FormatInt(sum.Written, 10), took(s.StartedAt, s.EndedAt, d.now))...)
	}
	return rows
}

func stepHeader() []string {
	return []string{"STEP", "STATUS", "PARTITIONS", "READ", "WRITTEN", "SKIPPED", "WRITTEN IN RUN", "TOOK"}
}

func counts(c job.Counts) []string {
	return []string{strconv.FormatInt(c.Read, 10), strconv.FormatInt(c.Written, 10), strconv.FormatInt(c.Skipped, 10)}
}

// printShort prints the result of run.
func (d details) printShort(w io.Writer) error {
	if err := console.Table(w, stepHeader(), d.stepRows()); err != nil {
		return err
	}
	e := d.execution
	_, err := fmt.Fprintf(w, "%s: %s after %s, execution %s\n", e.Job, e.Status, took(e.CreatedAt, e.EndedAt, d.now), e.ID)
	return err
}

func (d details) print(w io.Writer, all bool) error {
	e := d.execution
	facts := [][]string{
		{"execution", e.ID.String()}, {"job", e.Job}, {"parameters", e.Parameters.String()},
		{"run", e.Run.String() + ", begun " + at(&e.RunAt)}, {"status", string(e.Status)}, {"exit code", cmp.Or(e.ExitCode, "-")},
		{"message", cmp.Or(e.Message, "-")}, {"started by", e.StartedBy}, {"host", e.Host}, {"created", at(&e.CreatedAt)},
		{"ended", at(e.EndedAt)}, {"took", took(e.CreatedAt, e.EndedAt, d.now)}, {"last sign of life", at(&e.HeartbeatAt)},
	}
	if e.StopRequested != nil {
		facts = append(facts, []string{"stop requested", at(e.StopRequested)})
	}
	if err := console.Table(w, []string{"FACT", "VALUE"}, facts); err != nil {
		return err
	}
	if len(d.steps) > 0 {
		fmt.Fprintln(w) //nolint:errcheck // the next table fails as well
	}
	if err := console.Table(w, stepHeader(), d.stepRows()); err != nil {
		return err
	}
	return d.printPartitions(w, all)
}

// few is how many completed partitions are shown.
const few = 20

func (d details) printPartitions(w io.Writer, all bool) error {
	if len(d.partitions) == 0 {
		return nil
	}
	var rows [][]string
	completed := 0
	for _, p := range d.partitions {
		if p.Status == job.Completed {
			completed++
			if completed > few && !all {
				continue
			}
		}
		by := p.Execution.String()
		if p.Execution == d.execution.ID {
			by = "this"
		}
		rows = append(rows, slices.Concat([]string{p.Step, p.Name, string(p.Status)}, counts(p.Counts),
			[]string{cmp.Or(p.Position, "-"), by, cmp.Or(p.Message, "-")}))
	}
	fmt.Fprintln(w) //nolint:errcheck // the next table fails as well
	header := []string{"STEP", "PARTITION", "STATUS", "READ", "WRITTEN", "SKIPPED", "POSITION", "LAST EXECUTION", "MESSAGE"}
	if err := console.Table(w, header, rows); err != nil || len(rows) == len(d.partitions) {
		return err
	}
	_, err := fmt.Fprintf(w, "%d more partitions are completed; --all shows them.\n", len(d.partitions)-len(rows))
	return err
}

// at returns a time as people in Korea read it.
func at(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.In(clock.KST).Format(time.DateTime) + " KST"
}

// took returns how long something took, until now if it has not ended.
func took(from time.Time, to *time.Time, now time.Time) string {
	if to == nil {
		to = &now
	}
	d := to.Sub(from)
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
