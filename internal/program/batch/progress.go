package batch

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/console"
)

// logEvery is how often the progress is logged where there is no terminal.
const logEvery = 10 * time.Second

// progress shows the progress of an execution: a bar of partitions on a terminal, or else
// a line in the log now and then. It implements jobs.Observer.
type progress struct {
	w   io.Writer
	log *slog.Logger
	now clock.Clock

	mu       sync.Mutex
	bar      *progressbar.ProgressBar // nil where there is no terminal
	step     string
	all      int
	done     int
	counts   jobs.Counts
	loggedAt time.Time
}

func newProgress(w io.Writer, log *slog.Logger, now clock.Clock) *progress {
	return &progress{w: w, log: log, now: now, loggedAt: now()}
}

// Planned implements jobs.Observer.
func (p *progress) Planned(_ job.Execution, step string, partitions, completed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish()
	p.step, p.all, p.done, p.counts = step, partitions, completed, jobs.Counts{}
	if console.Terminal(p.w) && partitions > 0 {
		p.bar = console.Progress(p.w, partitions, p.text())
		_ = p.bar.Set(completed) // failing to draw a progress bar is no error
	}
}

// Progressed implements jobs.Observer.
func (p *progress) Progressed(_ job.Execution, _ string, done jobs.Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = p.counts.Plus(done)
	p.show(0)
}

// PartitionDone implements jobs.Observer.
func (p *progress) PartitionDone(job.Execution, string, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.show(1)
}

// Ended implements jobs.Observer.
func (p *progress) Ended(job.Execution) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish()
}

func (p *progress) show(completed int) {
	if p.bar != nil {
		p.bar.Describe(p.text())
		_ = p.bar.Add(completed) // as above
		return
	}
	if now := p.now(); now.Sub(p.loggedAt) >= logEvery {
		p.loggedAt = now
		p.log.Info("job progress", "step", p.step, "partitions", fmt.Sprintf("%d/%d", p.done, p.all),
			"read", p.counts.Read, "written", p.counts.Written, "skipped", p.counts.Skipped)
	}
}

func (p *progress) finish() {
	if p.bar != nil && !p.bar.IsFinished() {
		_ = p.bar.Exit()  // leaves the bar as it is
		fmt.Fprintln(p.w) //nolint:errcheck // as above
	}
	p.bar = nil
}

func (p *progress) text() string {
	return fmt.Sprintf("%s, %d rows read, %d written", p.step, p.counts.Read, p.counts.Written)
}
