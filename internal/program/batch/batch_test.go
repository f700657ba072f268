package batch

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/export"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
	"github.com/loopers-commerce/commerce/internal/test/kit/redistest"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

// A job can be run with its defaults, and says what it does.
func TestEveryJobIsDefinedWell(t *testing.T) {
	t.Parallel()
	var names []string
	for _, j := range known() {
		if slices.Contains(names, j.Name) || !strings.HasSuffix(j.Name, "Job") || !strings.HasSuffix(j.Description, ".") {
			t.Errorf("the job %q: %q", j.Name, j.Description)
		}
		names = append(names, j.Name)
		p := job.Parameters{}
		for _, known := range j.Parameters {
			if known.Help == "" {
				t.Errorf("the parameter %s of %s has no help", known.Name, j.Name)
			}
			switch {
			case known.Day && known.Default != "":
				p[known.Name] = "2010-12-31" // the runner makes dates of the words for days
			case known.Default != "":
				p[known.Name] = known.Default
			case known.Name == "actor", known.Name == "reason": // nobody acts without them
				p[known.Name] = "a test"
			}
		}
		switch j.Name {
		case export.JobName:
			p["out"] = t.TempDir()
		case "replayJob":
			p["online-retail"] = "invoices.csv"
		}
		if steps, err := j.Plan(p); err != nil || len(steps) == 0 {
			t.Errorf("%s: %v %v", j.Name, steps, err)
		}
	}
}

func TestSchedulesNameJobsThatExistAndCanBeChanged(t *testing.T) {
	t.Parallel()
	env := wire.NewEnv(slog.New(slog.DiscardHandler))
	u := wire.Infra{Env: env, DB: storetest.SQLite(t, sqlstore.Options{}), Redis: redistest.Embedded(t, env.Clock).Caller}
	if _, err := New(u, nil); err != nil {
		t.Error(err)
	}
	if _, err := New(u, nil); err == nil {
		t.Error("the metrics of a second scheduler of the process are lost")
	}
	rules, err := parseRules("rankingVerify = off; handledEventPurge=daily at 03:30; eventLogPurge=days=7; jobHistoryPurge = every 1h days=9 ;")
	if err != nil {
		t.Fatal(err)
	}
	got, days := map[string]string{}, map[string]string{}
	for _, s := range withRules(schedules(), rules) {
		got[s.Name], days[s.Name] = s.When.String(), s.Parameters["days"]
	}
	if got["eventLogPurge"] != "daily at 04:30" || days["eventLogPurge"] != "7" || got["jobHistoryPurge"] != "every 1h" || days["jobHistoryPurge"] != "9" || days["handledEventPurge"] != "" {
		t.Errorf("%v with %v", got, days)
	}
	if got["rankingVerify"] != "off" || got["handledEventPurge"] != "daily at 03:30" || got["idempotencyKeyPurge"] != "every 1h" {
		t.Errorf("%v", got)
	}
	for _, text := range []string{"nightly=off", "rankingVerify", "rankingVerify=sometimes", "eventLogPurge=sometimes days=7", "eventLogPurge=days=1 days=2", "eventLogPurge=days=7 off"} {
		if _, err := parseRules(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestParametersMayBeFlags(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"run jobHistoryPurgeJob --days 30":                "run jobHistoryPurgeJob days=30",
		"run --days=30 jobHistoryPurgeJob --partitions=3": "run jobHistoryPurgeJob --partitions=3 days=30",
		"run jobHistoryPurgeJob --days":                   "run jobHistoryPurgeJob days",
		"run jobHistoryPurgeJob days=30 --by kim":         "run jobHistoryPurgeJob --by kim days=30",
		"run jobHistoryPurgeJob --days 30 --by=kim":       "run jobHistoryPurgeJob --by=kim days=30",
		"run jobHistoryPurgeJob --fresh days=30":          "run jobHistoryPurgeJob --fresh days=30",
		"run otherJob --days 30":                          "run otherJob --days 30",
		"history --job jobHistoryPurgeJob --days 30":      "history --job jobHistoryPurgeJob --days 30",
	} {
		if got := strings.Join(withParameters(strings.Fields(given)), " "); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}

func TestAFlagWithoutAValueIsTrueIfItsDefaultIsFalse(t *testing.T) {
	t.Parallel()
	j := jobs.Job{Name: "xJob", Parameters: []jobs.Parameter{{Name: "dry-run", Default: "false"}, {Name: "date", Day: true}}}
	got := asArguments(j, []string{"run", "xJob", "--dry-run", "--date", "today", "--dry-run=false"})
	if want := []string{"run", "xJob", "dry-run=true", "date=today", "dry-run=false"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
