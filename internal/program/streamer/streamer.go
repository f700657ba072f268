// Package streamer is the program commerce-streamer: it counts the shop's
// events and keeps the live rankings.
package streamer

import (
	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// New puts the program together on its ground.
func New(u wire.Infra) (wire.Service, error) {
	board := redis.NewBoard(u.Redis, u.RedisPrefix, u.Clock, u.Log)
	weights := ranking.DefaultWeights()
	count := tally.New(u.DB, board, weights, u.Clock, u.Log)
	consumer, err := kafka.NewConsumer(u.Kafka, tally.Consumer, event.Topics(), count.Handle, u.Log)
	if err != nil {
		return wire.Service{}, err
	}
	builder := leaderboard.NewBuilder(u.DB, board, weights, u.Clock, u.Instance, u.Log)
	keeper := leaderboard.NewReconciler(u.DB, board, builder, u.Clock, u.Log)
	return wire.Service{
		Parts: []run.Part{
			{Name: "consumer of events", Run: consumer.Run},
			{Name: "keeper of the board", Run: keeper.Run},
			u.Topics(u.Kafka),
		},
		Checks: []manage.Check{
			wire.Database(u.DB),
			{Name: "kafka", Ask: consumer.Ping},
			wire.Redis(u.Redis),
		},
		Close: func() {}, // the consumer has left its group when its part has stopped
	}, nil
}
