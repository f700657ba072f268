// Package batch is the program commerce-batch: it runs jobs, by hand or by schedule, and
// shows what they have done.
package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/base/fault"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// Exit codes of commerce-batch, beside those of every program.
const (
	exitStopped = 3 // the execution was stopped, and can be restarted
	exitRunning = 4 // the job runs already
)

// commands is the command line.
type commands struct {
	Run      runCommand      `cmd:"" help:"Run a job now, and wait for its end. If its last run with the same parameters failed, was stopped or died, that run is restarted."`
	Schedule scheduleCommand `cmd:"" help:"Run the jobs at their due times, until the program is stopped. Any number of these programs may run."`
	List     listCommand     `cmd:"" help:"List the jobs with their schedules and parameters."`
	History  historyCommand  `cmd:"" help:"List executions, newest first."`
	Show     showCommand     `cmd:"" help:"Show an execution with its steps and partitions."`
	Stop     stopCommand     `cmd:"" help:"Ask a running execution to stop. It stops between two chunks and can be restarted."`
}

func about(args []string) config.About {
	format := "text"
	if len(args) > 0 && args[0] == "schedule" { // a server
		format = "json"
	}
	return config.About{
		Name: "commerce-batch",
		Description: "Runs the jobs of the shop. Every flag can be set by the environment variable in brackets.\n\n" +
			"Exit codes: 0 the job is completed, 1 it failed, 2 the command line is wrong, 3 it was stopped, 4 it is running already.",
		Vars: kong.Vars{"management_port": "8084", "log_format": format},
	}
}

// session is one run of a command.
type session struct {
	ctx            context.Context //nolint:containedctx // a session is one run, and ends with it
	env            wire.Env
	stdout, stderr io.Writer
}

// Main runs a command and returns its exit code.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if j, asked := asksAboutJob(args); asked {
		return run.ExitCode(explain(stdout, j), stderr)
	}
	var c commands
	called, err := config.Read(&c, about(args), withParameters(args), getenv, stdout, stderr)
	if code, ok := run.ConfigExitCode(withHint(err, args), stderr); !ok {
		return code
	}
	return exitCode(called.Run(&session{stdout: stdout, stderr: stderr}), stderr)
}

// exitError is an error with an exit code of its own.
type exitError struct {
	error

	code int
}

func exitCode(err error, stderr io.Writer) int {
	code := run.ExitCode(err, stderr)
	own, ok := errors.AsType[exitError](err)
	switch {
	case ok:
		return own.code
	case errors.Is(err, job.ErrRunning):
		return exitRunning
	case errors.Is(err, jobs.ErrUnknownJob), fault.KindOf(err) == fault.Invalid: // the job refuses its parameters
		return run.BadCommand
	default:
		return code
	}
}

// known returns the definitions of the jobs, for their names and parameters only.
func known() []jobs.Job { return definitions(wire.Infra{}, hooks{metrics: &metrics{}}) }

func find(name string) (jobs.Job, bool) {
	all := known()
	i := slices.IndexFunc(all, func(j jobs.Job) bool { return j.Name == name })
	if i < 0 {
		return jobs.Job{}, false
	}
	return all[i], true
}

// named returns the job that a command line of run names.
func named(args []string) (jobs.Job, bool) {
	if len(args) == 0 || args[0] != "run" {
		return jobs.Job{}, false
	}
	for _, arg := range args[1:] {
		if j, ok := find(arg); ok {
			return j, true
		}
	}
	return jobs.Job{}, false
}

// asksAboutJob reports whether the command line is run JOB --help.
func asksAboutJob(args []string) (jobs.Job, bool) {
	j, ok := named(args)
	return j, ok && (slices.Contains(args, "--help") || slices.Contains(args, "-h"))
}

// withParameters turns flags that are parameters of the job into arguments: --date
// 2010-12-31 and --date=2010-12-31 into date=2010-12-31, and --dry-run into dry-run=true
// if its default is false. These arguments come last, in one row: the parser takes no
// other.
func withParameters(args []string) []string {
	if j, ok := named(args); ok {
		return asArguments(j, args)
	}
	return args
}

func asArguments(j jobs.Job, args []string) []string {
	var all, parameters []string
	for i := 0; i < len(args); i++ {
		name, value, given := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		at := slices.IndexFunc(j.Parameters, func(p jobs.Parameter) bool { return p.Name == name })
		switch {
		case at >= 0 && given:
			parameters = append(parameters, name+"="+value)
		case at < 0 || !strings.HasPrefix(args[i], "--"):
			all = append(all, args[i])
		case j.Parameters[at].Default == "false":
			parameters = append(parameters, name+"=true")
		case i+1 < len(args):
			i++
			parameters = append(parameters, name+"="+args[i])
		default:
			parameters = append(parameters, name) // without a value
		}
	}
	return append(all, parameters...)
}

// withHint adds the parameters of the job to an error of its command line.
func withHint(err error, args []string) error {
	j, ok := named(args)
	if !ok || err == nil || errors.Is(err, config.ErrHelp) {
		return err
	}
	return fmt.Errorf("%w, and commerce-batch run %s --help", err, j.Name)
}

// explain prints what a job does and which parameters it has.
func explain(w io.Writer, j jobs.Job) error {
	text := fmt.Sprintf("Usage: commerce-batch run %s [flags]\n\n%s\n", j.Name, j.Description)
	if len(j.Parameters) == 0 {
		text += "\nIt has no parameters.\n"
	} else {
		text += "\nParameters:\n"
	}
	for _, p := range j.Parameters {
		help := p.Help
		if p.Default != "" {
			help += " Default: " + p.Default + "."
		}
		flag := "--" + p.Name
		if p.Day {
			flag += "=DATE"
		} else if p.Default != "false" {
			flag += "=..."
		}
		text += fmt.Sprintf("  %-20s  %s\n", flag, help)
	}
	for _, s := range schedules() {
		if s.Job == j.Name {
			text += fmt.Sprintf("\nSchedule %s: %s, in Asia/Seoul.\n", s.Name, s.When)
		}
	}
	_, err := io.WriteString(w, text+"\nRun commerce-batch run --help for the flags of every job.\n")
	return err
}

// flags are the flags of all commands.
type flags struct {
	config.Database
	config.Log
}

// output is the format of a command's result.
type output struct {
	JSON bool `name:"json" help:"Print JSON instead of a table."`
}

// IdleInTransaction is how long the server waits for the next statement of a transaction.
// A process that is frozen in one would keep others from taking over its job.
const IdleInTransaction = 5 * time.Second

// begin sets up the log and the environment of a command. Its context ends with the
// first signal.
func (s *session) begin(log *config.Log) (stop func()) {
	logger := log.Logger(s.stderr)
	s.ctx, stop = run.Signals(logger)
	s.env = wire.NewEnv(logger)
	s.env.IdleInTransaction = IdleInTransaction
	return stop
}

// with calls do with the database and, if there is an address, with Redis.
func (s *session) with(database config.Database, address config.Redis, do func(u wire.Infra) error) error {
	s.env.DirectURL = database.DatabaseDirectURL.Get()
	db, err := s.env.MigratedStore(s.ctx, database.DatabaseURL.Get())
	if err != nil {
		return err
	}
	defer db.Close()
	u := wire.Infra{Env: s.env, DB: db.Long(), RedisPrefix: address.RedisKeyPrefix}
	if url := address.RedisURL.Get(); url != "" {
		client, err := redis.Open(url)
		if err != nil {
			return err
		}
		defer client.Close()
		quiet := slog.New(slog.DiscardHandler) // a job fails with the error
		u.Redis = redis.NewCaller(client, redis.Patience, s.env.Clock, quiet)
	}
	return do(u)
}

// withRunner calls do with a runner that looks at executions and starts none.
func (s *session) withRunner(database config.Database, do func(u wire.Infra, r *jobs.Runner) error) error {
	return s.with(database, config.Redis{}, func(u wire.Infra) error {
		m, err := silentMetrics()
		if err != nil {
			return err
		}
		return do(u, newRunner(u, nil, hooks{metrics: m}))
	})
}
