package batch

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// New builds the scheduler of all jobs. The rules replace those of some schedules, by
// their names.
func New(u wire.Infra, rules map[string]jobs.When) (wire.Program, error) {
	m, err := newMetrics(u.Env.Registry)
	if err != nil {
		return wire.Program{}, err
	}
	runner := newRunner(u, m, hooks{metrics: m})
	scheduler, err := jobs.NewScheduler(runner, withRules(schedules(), rules))
	if err != nil {
		return wire.Program{}, err
	}
	status, err := exportStatus(u)
	if err != nil {
		return wire.Program{}, err
	}
	return wire.Program{
		Components: []run.Component{
			{Name: "ranking status", Run: status.run},
			{Name: "job scheduler", Run: func(ctx context.Context) error {
				if err := m.remember(ctx, u.DB, runner.Jobs()); err != nil {
					u.Env.Log.Warn("the last successes of the jobs are not known", "error", err)
				}
				return scheduler.Run(ctx)
			}},
		},
		Checks: []manage.Check{
			wire.DatabaseCheck(u.DB),
			wire.RedisCheck(u.Redis), // only the jobs about the live rankings need it
		},
		Close: func() {},
	}, nil
}

// silentMetrics returns metrics that nobody scrapes.
func silentMetrics() (*metrics, error) { return newMetrics(prometheus.NewRegistry()) }

// withRules returns the schedules with the rules given for some.
func withRules(all []jobs.Schedule, rules map[string]jobs.When) []jobs.Schedule {
	for i, s := range all {
		if w, given := rules[s.Name]; given {
			all[i].When = w
		}
	}
	return all
}

// parseRules parses "name=every 1h; name=daily at 00:10; name=off".
func parseRules(text string) (map[string]jobs.When, error) {
	rules := map[string]jobs.When{}
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, rule, _ := strings.Cut(part, "=")
		w, err := jobs.ParseWhen(strings.TrimSpace(rule))
		if err != nil {
			return nil, err
		}
		rules[strings.TrimSpace(name)] = w
	}
	var known []string
	for _, s := range schedules() {
		known = append(known, s.Name)
	}
	for name := range rules {
		if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+name+" ") {
			return nil, fmt.Errorf("there is no schedule %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return rules, nil
}
