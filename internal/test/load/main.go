package load

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
	"github.com/loopers-commerce/commerce/internal/test/kit/standalone"
)

// options are the command line.
type options struct {
	Scenario  string        `help:"Scenario to run: browse-like-order, flash-sale, coupon-rush, ranking-storm, cards, crowd, or all." default:"all"`
	Rate      config.Amount `help:"Requests per second; 0 is the scenario's own. For crowd it is the peak; 0 finds it." default:"0"`
	Duration  time.Duration `help:"How long each scenario lasts; 0s is the scenario's own." default:"0s"`
	Products  config.Count  `help:"How many products the shop has." default:"100000"`
	Customers config.Count  `help:"How many customers have a session." default:"10000"`
	Baseline  bool          `help:"Compare with a bare net/http server and with pgbench in the same run." default:"true" negatable:""`
	Seed      uint64        `help:"Seed of what customers do." default:"1"`
	Report    string        `help:"File that the report is written to; empty writes none." default:"bin/load/report.html"`
}

// Check implements config.Checker.
func (o *options) Check() (found []error) {
	const least = 2_000 // each word and each brand fills a page
	if len(o.scenarios()) == 0 {
		found = append(found, fmt.Errorf("--scenario (SCENARIO)=%q: there is no such scenario", o.Scenario))
	}
	if n := o.Products.Get(); n != 0 && n < least {
		found = append(found, fmt.Errorf("--products (PRODUCTS): %d are too few to fill pages: at least %d", n, least))
	}
	if o.Duration < 0 {
		found = append(found, fmt.Errorf("--duration (DURATION): %v is negative", o.Duration))
	}
	return found
}

func (o *options) scenarios() (chosen []scenario) {
	for _, s := range scenarios() {
		if o.Scenario == "all" || o.Scenario == s.name {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// Exit codes beside those of every program.
const interrupted = 130

// Main runs the load test and returns its exit code: 1 if an answer had wrong content, or
// if an effect is lost or doubled. Ctrl-C ends it: what was measured is reported.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	var o options
	_, err := config.Read(&o, config.About{
		Name: "load", Description: "Crowds of customers on the real programs. Every answer's content is checked. Use make load, which starts the servers.",
	}, args, getenv, stdout, stderr)
	if code, ok := run.ConfigExitCode(err, stderr); !ok {
		return code
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	r := &runner{options: o, stderr: stderr, seed: o.Seed, begun: time.Now()}
	ok := standalone.Run(context.WithoutCancel(ctx), "load", stderr, func(tb testing.TB) {
		tb.Helper()
		r.all(ctx, tb, &cluster.Programs{Apart: true})
	})
	if err := r.finish(stdout); err != nil {
		_, _ = fmt.Fprintln(stderr, "load:", err)
		ok = false
	}
	switch {
	case !ok || len(r.broken()) > 0:
		return run.Failed
	case ctx.Err() != nil:
		return interrupted
	default:
		return run.OK
	}
}

// broken says what is wrong, with the name of the scenario.
func (r *runner) broken() (all []string) {
	for _, result := range r.results {
		for _, what := range result.Broken() {
			all = append(all, result.Name+": "+strings.TrimSpace(what))
		}
	}
	return all
}
