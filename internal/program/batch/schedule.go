package batch

import (
	"fmt"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

type scheduleCommand struct {
	flags
	config.Kafka
	config.Redis
	config.Management
	rules
}

// Help returns the text that kong prints below the summary of the command.
func (*scheduleCommand) Help() string {
	return "Due times are those of Asia/Seoul, whatever the zone of the machine. Of several schedulers one starts a job. " +
		"Jobs that run when the program is stopped are stopped in order, and the next scheduler restarts them at once."
}

// Check implements config.Checker.
func (c *scheduleCommand) Check() []error { return c.check() }

// Run implements the command.
func (c *scheduleCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.with(c.Database, c.Redis, func(u wire.Infra) error {
		u.Kafka = s.kafka(c.Kafka)
		management, err := wire.Listen(s.ctx, c.ManagementHost, c.ManagementPort.Get(), "MANAGEMENT_PORT")
		if err != nil {
			return err
		}
		defer management.Close()
		program, err := New(u, c.get())
		if err != nil {
			return err
		}
		defer program.Close()
		s.env.Log.Info("running", "program", "commerce-batch", "management", fmt.Sprintf("http://%s", management.Addr()), "version", wire.Version())
		program, err = s.env.WithManagementPort(s.ctx, management, program)
		if err != nil {
			return err
		}
		return run.All(s.ctx, s.env.Log, program.Components...)
	})
}

// kafka returns the cluster that replays of dead letters go to.
func (s *session) kafka(c config.Kafka) kafka.Config {
	return s.env.Kafka(c.KafkaBrokers.Get(), c.KafkaTopicPrefix, "commerce-batch")
}
