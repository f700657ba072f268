package wire

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/base/backoff"
	"github.com/loopers-commerce/commerce/internal/base/outage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Kafka returns the configuration of a program's Kafka clients.
func (e Env) Kafka(brokers []string, prefix, program string) kafka.Config {
	return kafka.Config{
		Brokers: brokers, Prefix: prefix, ClientID: program,
		Clock: e.Clock, Random: e.Random, Metrics: e.Registry, Traces: e.Traces, Memory: kafka.NewMemory(),
	}
}

// topicsInterval is how often a program looks whether its topics are all there.
const topicsInterval = 5 * time.Second

// Topics creates the topics that are missing, at the start and again if one is deleted. If
// the brokers cannot be reached, the program runs all the same and Topics tries until they
// can.
func (e Env) Topics(c kafka.Config) run.Component {
	return run.Component{Name: "topics", Run: func(ctx context.Context) error {
		pauses := backoff.New(time.Second, 15*time.Second, e.Random)
		failing := outage.New(e.Log, "look for the topics and create those that are missing")
		for {
			pause := topicsInterval
			if err := kafka.EnsureTopics(ctx, c, e.Log); err == nil {
				failing.Recovered()
				pauses.Reset()
			} else if ctx.Err() == nil {
				failing.Failed(err)
				pause = pauses.Next()
			}
			if !backoff.Wait(ctx, pause) {
				return nil
			}
		}
	}}
}
