package wire

import (
	"cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Relay returns the components that send the events of the outbox to Kafka: the
// relay, and the listener that wakes it when another process commits events.
func (u Infra) Relay(producer *kafka.Producer) ([]run.Component, error) {
	meter, err := kafka.NewOutboxMeter(u.Env.Registry)
	if err != nil {
		return nil, err
	}
	r := relay.New(relay.Config{
		DB: u.relayDB(), Publisher: producer, Announcer: u.relayDB(), Committed: u.DB.Committed(), Noticed: u.relayDB().Noticed(),
		Meter: meter, Clock: u.Env.Clock, Random: u.Env.Random, Holder: u.Env.Instance,
	}, u.Env.Log)
	return []run.Component{{Name: "relay", Run: r.Run}, {Name: "outbox notifications", Run: u.relayDB().Listen}}, nil
}

func (u Infra) relayDB() *sqlstore.DB { return cmp.Or(u.RelayDB, u.DB) }
