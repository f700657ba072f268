package wire

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Kafka returns the configuration of a program's Kafka clients.
func (e Env) Kafka(brokers []string, prefix, program string) kafka.Config {
	return kafka.Config{
		Brokers: brokers, Prefix: prefix, ClientID: program,
		Clock: e.Clock, Random: e.Random, Metrics: e.Registry, Traces: e.Traces,
	}
}

// Topics creates the topics that are missing. If the brokers cannot be reached,
// the program starts all the same and Topics tries again until they can.
func (e Env) Topics(c kafka.Config) run.Component {
	return run.Component{Name: "topics", Run: func(ctx context.Context) error {
		pauses := backoff.New(time.Second, 15*time.Second, e.Random)
		for {
			err := kafka.EnsureTopics(ctx, c, e.Log)
			if err == nil {
				<-ctx.Done()
				return nil
			}
			if ctx.Err() == nil {
				e.Log.Warn("cannot create the topics yet, trying again", "error", err)
			}
			if !backoff.Wait(ctx, pauses.Next()) {
				return nil
			}
		}
	}}
}
