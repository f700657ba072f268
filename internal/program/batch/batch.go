package batch

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// New builds the scheduler of all jobs. The rules replace those of some schedules, by
// their names.
func New(u wire.Infra, rules map[string]Rule) (wire.Program, error) {
	u.DB = u.DB.Long()
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
			u.DatabaseCheck(),
			u.ClockCheck(),
			wire.RedisCheck(u), // only the jobs about the live rankings need it
		},
		Close: func() {},
	}, nil
}

// silentMetrics returns metrics that nobody scrapes.
func silentMetrics() (*metrics, error) { return newMetrics(prometheus.NewRegistry()) }

// Rule changes a schedule.
type Rule struct {
	When       *jobs.When     // nil: as it is
	Parameters job.Parameters // nil: as they are
}

// withRules returns the schedules with the rules given for some.
func withRules(all []jobs.Schedule, rules map[string]Rule) []jobs.Schedule {
	for i, s := range all {
		rule := rules[s.Name]
		if rule.When != nil {
			all[i].When = *rule.When
		}
		if rule.Parameters != nil {
			all[i].Parameters = rule.Parameters
		}
	}
	return all
}

// parseRules parses "name=every 1h; name=daily at 00:10 days=30; name=days=7; name=off".
func parseRules(text string) (map[string]Rule, error) {
	rules := map[string]Rule{}
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, given, _ := strings.Cut(part, "=")
		rule, err := parseRule(strings.Fields(given))
		if err != nil {
			return nil, err
		}
		rules[strings.TrimSpace(name)] = rule
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

// parseRule parses a rule for due times, followed by parameters; either may be missing.
func parseRule(words []string) (rule Rule, err error) {
	n := slices.IndexFunc(words, func(word string) bool { return strings.Contains(word, "=") })
	if n < 0 {
		n = len(words)
	}
	if n < len(words) {
		if rule.Parameters, err = parameters(words[n:]); err != nil {
			return rule, err
		}
	}
	if n == 0 && len(words) > 0 {
		return rule, nil
	}
	when, err := jobs.ParseWhen(strings.Join(words[:n], " "))
	rule.When = &when
	return rule, err
}
