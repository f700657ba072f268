package wire

import (
	"cmp"
	"context"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
)

// Relay returns what carries the events of this ground's database to Kafka.
func (u Infra) Relay(producer *kafka.Producer) *relay.Relay {
	return relay.New(relay.Config{
		DB: u.relayDB(), Publisher: producer, Announcer: u.relayDB(), Committed: u.DB.Committed(), Noticed: u.relayDB().Noticed(),
		Meter: kafka.NewOutboxMeter(u.Registry), Clock: u.Clock, Random: u.Random, Holder: u.Instance,
	}, u.Log)
}

// HearNotices wakes the relay when another process announces events, until ctx
// ends.
func (u Infra) HearNotices(ctx context.Context) error { return u.relayDB().Listen(ctx) }

func (u Infra) relayDB() *sqlstore.DB { return cmp.Or(u.RelayDB, u.DB) }
