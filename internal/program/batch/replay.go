package batch

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/replay"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/program/replaying"
)

// replayInvoices returns the job that does what commerce replay does over HTTP. A restart
// begins with the first invoice: requests that were sent before are not executed again,
// because their idempotency keys are the same.
func replayInvoices(u wire.Infra) jobs.Job {
	return jobs.Job{
		Name: "replayJob",
		Description: "Replays the invoices of a file in the shop, as commerce replay does. " +
			"A restart within 24 hours sends everything again, and the shop executes only what is new.",
		Parameters: []jobs.Parameter{
			{Name: "online-retail", Help: "File of invoices on this machine, as for commerce replay."},
			{Name: "from", Help: "First day to replay; by default the first day of the file.", Day: true},
			{Name: "to", Help: "Last day to replay, inclusive; by default the last day of the file.", Day: true},
			{Name: "api-url", Help: "Addresses of commerce-api, separated by commas.", Default: "http://127.0.0.1:8080"},
			{Name: "speed", Help: "Seconds of invoice time per second; 0 is as fast as possible.", Default: "0"},
			{Name: "concurrency", Help: "Number of customers who act at the same time.", Default: "8"},
			{Name: "views-per-order", Help: "Average number of views per order.", Default: "3"},
			{Name: "likes-per-order", Help: "Average number of likes per order.", Default: "0.5"},
			{Name: "seed", Help: "Seed of the random views and likes.", Default: "1"},
			{Name: "patience", Help: "How long to retry while the shop does not answer.", Default: "1m"},
		},
		Plan: func(p job.Parameters) ([]jobs.Step, error) {
			r, err := replayOf(p)
			r.infra = u
			return []jobs.Step{{Name: "replay", Task: r.task}}, err
		},
	}
}

// replayRun is one run of the job.
type replayRun struct {
	infra     wire.Infra
	source    replaying.Source
	addresses []string
	options   replay.Options
}

func replayOf(p job.Parameters) (r replayRun, err error) {
	r.source.Path, r.addresses = p["online-retail"], strings.Split(p["api-url"], ",")
	if r.source.Path == "" {
		return r, jobs.ErrParameters.Because("online-retail: give the file of invoices")
	}
	o := &r.options
	for name, read := range map[string]func(text string) error{
		"from":            func(text string) (err error) { r.source.From, err = parseDate(text); return err },
		"to":              func(text string) (err error) { r.source.To, err = parseDate(text); return err },
		"speed":           func(text string) (err error) { o.Speed, err = amount(text); return err },
		"concurrency":     func(text string) (err error) { o.Concurrency, err = strconv.Atoi(text); return err },
		"views-per-order": func(text string) (err error) { o.ViewsPerOrder, err = amount(text); return err },
		"likes-per-order": func(text string) (err error) { o.LikesPerOrder, err = amount(text); return err },
		"seed":            func(text string) (err error) { o.Seed, err = strconv.ParseUint(text, 10, 64); return err },
		"patience":        func(text string) (err error) { o.RetryTimeout, err = time.ParseDuration(text); return err },
	} {
		if text := p[name]; text != "" {
			if err := read(text); err != nil {
				return r, jobs.ErrParameters.Because("%s: %q cannot be used: %v", name, text, err)
			}
		}
	}
	if o.Concurrency < 1 || o.Concurrency > mostCustomers {
		return r, jobs.ErrParameters.Because("concurrency: give 1 to %d", mostCustomers)
	}
	if r.source.To != 0 && r.source.To < r.source.From {
		return r, jobs.ErrParameters.Because("to, %s, is before from, %s", p["to"], p["from"])
	}
	return r, nil
}

// mostCustomers bounds the connections of a replay.
const mostCustomers = 1_000

func parseDate(text string) (clock.Day, error) {
	at, err := time.ParseInLocation(time.DateOnly, text, clock.KST)
	return clock.DayOf(at), err
}

func amount(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && !(n >= 0 && n <= 1e9) {
		err = errors.New("it must be 0 to 1000000000")
	}
	return n, err
}

// signOfLife is how often a replay reports although nothing is due: at a low speed, there
// are long waits between invoices.
const signOfLife = 10 * time.Second

// task replays the invoices. Read counts invoices, Written requests that the shop has
// executed, and Skipped those that it had executed before.
func (r replayRun) task(ctx context.Context, _ jobs.Chunk, report func(jobs.Counts) error) error {
	file, err := r.source.Read()
	if err != nil {
		return err
	}
	env := r.infra.Env
	replaying.Warn(env, file, r.options.Speed)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	say := func(c jobs.Counts) {
		if err := report(c); err != nil {
			cancel(err)
		}
	}
	waits := time.NewTicker(signOfLife)
	defer waits.Stop()
	go func() {
		for {
			select {
			case <-waits.C:
				say(jobs.Counts{})
			case <-ctx.Done():
				return
			}
		}
	}()
	done, err := replaying.OverHTTP(ctx, env, file, r.addresses, r.options, func(n int) { say(jobs.Counts{Read: int64(n)}) })
	if err != nil {
		return err
	}
	counts := countsOf(done)
	env.Log.Info("replayed", "invoices", fmt.Sprintf("%d/%d", done.Done, done.Of), "sent", counts.Written, "repeated", counts.Skipped,
		"refused", refusals(done), "skipped", done.Skipped, "delayP99", done.Delay.P99)
	if !done.Finished() {
		return context.Cause(ctx)
	}
	return report(counts)
}

func countsOf(done replay.Report) (c jobs.Counts) {
	for _, n := range done.Actions {
		c.Written += int64(n.Sent)
		c.Skipped += int64(n.Repeated)
	}
	return c
}

// refusals returns how often the shop has refused which action, and why.
func refusals(done replay.Report) map[string]int {
	all := map[string]int{}
	for action, n := range done.Actions {
		for code, times := range n.Refused {
			all[string(action)+" "+code] += times
		}
	}
	return all
}
