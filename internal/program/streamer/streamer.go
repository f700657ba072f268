package streamer

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/redis"
	"github.com/loopers-commerce/commerce/internal/app/audit"
	"github.com/loopers-commerce/commerce/internal/app/invalidate"
	"github.com/loopers-commerce/commerce/internal/app/leaderboard"
	"github.com/loopers-commerce/commerce/internal/app/tally"
	"github.com/loopers-commerce/commerce/internal/contract/event"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
	"github.com/loopers-commerce/commerce/internal/program/kit/wire"
)

// boardConns are the connections, of those of the program, that read whole days of counters.
const boardConns = 2

// New builds the program.
func New(u wire.Infra) (wire.Program, error) {
	env := u.Env
	board := redis.NewBoard(u.Redis, u.RedisPrefix)
	count := tally.New(u.DB, board, env.Clock, env.Log)
	boards := u.DB.Share(boardConns).Long()
	builder := leaderboard.NewBuilder(boards, board, env.Clock, "reconciler."+env.Instance, env.Log)
	reconciler := leaderboard.NewReconciler(boards, board, builder, env.Clock, env.Log)
	log := audit.New(u.DB, env.Clock, env.Log)
	if err := export(env, count, reconciler, log); err != nil {
		return wire.Program{}, err
	}
	consumer, err := kafka.NewConsumer(u.Kafka, tally.Consumer, event.Topics(), count.Handle, env.Log)
	if err != nil {
		return wire.Program{}, err
	}
	auditor, err := kafka.NewEnvelopeConsumer(u.Kafka, event.AuditGroup, event.Topics(), log.Handle, env.Log)
	if err != nil {
		return wire.Program{}, err
	}
	events := invalidate.NewEvents(redis.NewCatalog(u.Redis, u.RedisPrefix, env.IDs, env.Random))
	invalidator, err := kafka.NewEnvelopeConsumer(u.Kafka, event.CacheGroup, event.Reads(event.CacheGroup), events.Handle, env.Log)
	if err != nil {
		return wire.Program{}, err
	}
	desk, err := u.DeadLetters()
	if err != nil {
		return wire.Program{}, err
	}
	return wire.Program{
		Components: []run.Component{
			// Each leaves its group, which may take seconds: at once, not one after another.
			run.Together("consumers", run.Component{Name: "event consumer", Run: consumer.Run},
				run.Component{Name: "event log", Run: auditor.Run},
				run.Component{Name: "cache invalidation", Run: invalidator.Run}, desk.Index),
			desk.Watch,
			{Name: "leaderboard reconciler", Run: reconciler.Run},
			env.Topics(u.Kafka),
		},
		Checks: []manage.Check{
			u.DatabaseCheck(),
			{Name: "kafka", Probe: func(ctx context.Context) error {
				return errors.Join(consumer.Health(ctx), auditor.Health(ctx), invalidator.Health(ctx))
			}},
			wire.RedisCheck(u),
		},
		Close: func() {}, // the components close what they use
	}, nil
}

// export registers the program's own metrics.
func export(env wire.Env, count *tally.Tally, reconciler *leaderboard.Reconciler, log *audit.Service) error {
	return errors.Join(
		env.ExportCounts("events_counted_total", "Events that this process counted (new) or had been counted before (duplicate).", "result",
			wire.Counts{
				"new":       func() int64 { n, _ := count.Counted(); return n },
				"duplicate": func() int64 { _, n := count.Counted(); return n },
			}),
		env.ExportCounts("events_logged_total", "Events that this process added to the event log (new) or found there (duplicate).", "result",
			wire.Counts{
				"new":       func() int64 { n, _ := log.Kept(); return n },
				"duplicate": func() int64 { _, n := log.Kept(); return n },
			}),
		env.ExportCounts("leaderboard_rebuilds_total", "Boards that this process rebuilt (success) and attempts that failed (failure).", "result",
			wire.Counts{
				"success": func() int64 { n, _ := reconciler.Rebuilt(); return n },
				"failure": func() int64 { _, n := reconciler.Rebuilt(); return n },
			}),
	)
}
