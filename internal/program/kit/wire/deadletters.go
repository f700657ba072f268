package wire

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	jobs "github.com/loopers-commerce/commerce/internal/batch"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Desk returns the desk of the dead letters. closeDesk closes its connections to Kafka; it
// has none before its first replay.
func (u Infra) Desk() (desk *deadletters.Service, closeDesk func()) {
	replayer := kafka.NewReplayer(u.Kafka, u.Env.Log)
	return deadletters.New(u.DB, replayer, u.Env.Clock, u.Env.Log), replayer.Close
}

// DeadLetters are the components that keep the index of the dead letters.
type DeadLetters struct {
	Index, Watch run.Component
}

// DeadLetters returns the consumer of the dead-letter topics, and what exports the index.
func (u Infra) DeadLetters() (DeadLetters, error) {
	desk, _ := u.Desk() // it replays nothing
	u.DB = u.Background()
	watch, _ := u.Desk()
	consumer, err := kafka.NewDeadLetterConsumer(u.Kafka, u.Env.IDs, desk.Index, u.Env.Log)
	if err != nil {
		return DeadLetters{}, err
	}
	meter, err := kafka.NewLetterMeter(u.Kafka.Metrics)
	if err != nil {
		return DeadLetters{}, err
	}
	return DeadLetters{
		Index: run.Component{Name: "dead-letter consumer", Run: consumer.Run},
		Watch: run.Component{Name: "dead-letter metrics", Run: func(ctx context.Context) error { return watch.Watch(ctx, meter) }},
	}, nil
}

// Runner returns a runner of jobs in this process.
func (u Infra) Runner(all []jobs.Job, o jobs.Observer) *jobs.Runner {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return jobs.New(jobs.Config{
		DB: u.DB, Jobs: all, Holder: u.Env.Instance, Host: fmt.Sprintf("%s (process %d)", host, os.Getpid()),
		Clock: u.Env.Clock, IDs: u.Env.IDs, Random: u.Env.Random, Log: u.Env.Log, Observer: o,
	})
}

// Launcher starts jobs that go on after the call that started them.
type Launcher struct {
	runner *jobs.Runner
	work   context.Context //nolint:containedctx // of the jobs, which outlive the calls that start them
	stop   context.CancelFunc
	jobs   sync.WaitGroup
}

// Launcher returns a launcher of jobs. Its Run must be called. It holds leases under a
// name of its own: this process may have another runner.
func (u Infra) Launcher(all []jobs.Job) *Launcher {
	u.Env.Instance, u.DB = "launcher."+u.Env.Instance, u.Background().Long()
	work, stop := context.WithCancel(context.Background())
	return &Launcher{runner: u.Runner(all, nil), work: work, stop: stop}
}

// Launch starts a job, and returns its execution while the job goes on.
func (l *Launcher) Launch(ctx context.Context, name string, p job.Parameters, by string) (job.Execution, error) {
	started, err := l.runner.Start(ctx, jobs.Request{Job: name, Parameters: p, StartedBy: by})
	if err != nil {
		return job.Execution{}, err
	}
	e := started.Execution() // as it is now: Do changes it
	l.jobs.Go(func() { started.Do(l.work) })
	return e, nil
}

// Run waits for ctx to end, and then stops the jobs. They can be restarted.
func (l *Launcher) Run(ctx context.Context) error {
	<-ctx.Done()
	l.stop()
	l.jobs.Wait()
	return nil
}
