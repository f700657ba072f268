// Package streamer is the program commerce-streamer: it counts the shop's
// events and keeps the live rankings.
package streamer

import (
	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/standings"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/manage"
	"github.com/loopers-commerce/commerce/internal/program/parts"
	"github.com/loopers-commerce/commerce/internal/program/run"
)

// New puts the program together on its ground.
func New(u parts.Ground) (parts.Service, error) {
	board := redis.NewBoard(u.Redis, u.RedisPrefix, u.Clock, u.Log)
	weights := ranking.DefaultWeights()
	count := tally.New(u.DB, board, weights, u.Clock, u.Log)
	consumer, err := kafka.NewConsumer(u.Kafka, tally.Consumer, event.Topics(), count.Handle, u.Log)
	if err != nil {
		return parts.Service{}, err
	}
	builder := standings.NewBuilder(u.DB, board, weights, u.Clock, u.Instance, u.Log)
	keeper := standings.NewKeeper(u.DB, board, builder, u.Clock, u.Log)
	return parts.Service{
		Parts: []run.Part{
			{Name: "consumer of events", Run: consumer.Run},
			{Name: "keeper of the board", Run: keeper.Keep},
			u.Topics(u.Kafka),
		},
		Checks: []manage.Check{
			parts.Database(u.DB),
			{Name: "kafka", Ask: consumer.Ping},
			parts.Redis(u.Redis),
		},
		Close: func() {}, // the consumer has left its group when its part has stopped
	}, nil
}
