package parts

import (
	"cmp"
	"context"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
)

// Relay returns what carries the events of this ground's database to Kafka.
func (u Ground) Relay(producer *kafka.Producer) *relay.Relay {
	return relay.New(relay.Parts{
		DB: u.aside(), Publisher: producer, Announcer: u.aside(), Committed: u.DB.Committed(), Noticed: u.aside().Noticed(),
		Meter: kafka.NewOutboxMeter(u.Registry), Clock: u.Clock, Random: u.Random, Holder: u.Instance,
	}, u.Log)
}

// HearNotices wakes the relay when another process announces events, until ctx
// ends.
func (u Ground) HearNotices(ctx context.Context) error { return u.aside().Listen(ctx) }

func (u Ground) aside() *sqlstore.DB { return cmp.Or(u.Aside, u.DB) }
