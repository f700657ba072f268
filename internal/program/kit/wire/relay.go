package wire

import (
	"cmp"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/app/relay"
	"github.com/loopers-commerce/commerce/internal/program/kit/manage"
	"github.com/loopers-commerce/commerce/internal/program/kit/run"
)

// Relay returns the relay, and the components that send the events of the outbox to Kafka: the
// relay, and the listener that wakes it when another process commits events.
func (u Infra) Relay(producer *kafka.Producer) (*relay.Relay, []run.Component, error) {
	meter, err := kafka.NewOutboxMeter(u.Env.Registry)
	if err != nil {
		return nil, nil, err
	}
	another := func() (relay.Publisher, func(), error) {
		p, err := kafka.NewProbe(u.Kafka, u.Env.Log)
		if err != nil {
			return nil, nil, err
		}
		return p, p.Close, nil
	}
	r := relay.New(relay.Config{
		DB: u.Listening(), Publisher: producer, Another: another, Announcer: u.Listening(), Committed: u.DB.Committed(), Noticed: u.Listening().Noticed(),
		Meter: meter, Clock: u.Env.Clock, Random: u.Env.Random, Holder: u.Env.Instance,
	}, u.Env.Log)
	return r, []run.Component{{Name: "relay", Run: r.Run}, {Name: "outbox notifications", Run: u.Listening().Listen}}, nil
}

// Listening returns the store that listens to other processes.
func (u Infra) Listening() *sqlstore.DB { return cmp.Or(u.RelayDB, u.DB) }

// Background returns the store for leases, gauges and jobs beside requests.
func (u Infra) Background() *sqlstore.DB { return cmp.Or(u.BackgroundDB, u.DB) }

// DatabaseCheck checks the database of the program.
func (u Infra) DatabaseCheck() manage.Check { return DatabaseCheck(cmp.Or(u.HealthDB, u.DB)) }
