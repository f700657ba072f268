// Package event is the language the programs speak over Kafka. Each event is
// defined here once, as one struct with a golden JSON file: the API writes it,
// the streamer reads it. An event is only ever added to.
package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// The topics, and how many partitions each has.
const (
	CatalogTopic = "catalog-events" // key: product id
	OrderTopic   = "order-events"   // key: order id
	Partitions   = 12
)

// Topics lists every topic that events are published to.
func Topics() []string { return []string{CatalogTopic, OrderTopic} }

// Source is the CloudEvents source of everything the shop publishes.
const Source = "/commerce"

// Event is one fact that has already happened.
type Event interface {
	Type() string  // "order.placed"
	Topic() string // CatalogTopic or OrderTopic
	Key() string   // what must stay in order: one product, one order
}

// sequenced is an event that carries the version of the thing it tells of.
type sequenced interface{ Sequence() int64 }

// Envelope carries an event through the outbox and over the wire, with the
// attributes of CloudEvents 1.0.
type Envelope struct {
	ID          id.ID
	Type        string
	Source      string
	Time        time.Time // when it happened, by the server's clock
	Topic       string
	Key         string
	Sequence    int64  // version of the order, from 1; 0 where there is none
	Traceparent string // W3C trace context; empty if the event was not traced
	Data        []byte // the event as JSON
}

// ErrUnreadable is why an envelope cannot be opened, now or ever.
var ErrUnreadable = errors.New("unreadable event")

// Wrap puts e into an envelope.
func Wrap(id id.ID, at time.Time, traceparent string, e Event) (Envelope, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return Envelope{}, fmt.Errorf("event %s: %w", e.Type(), err)
	}
	v := Envelope{
		ID: id, Type: e.Type(), Source: Source, Time: at.UTC(),
		Topic: e.Topic(), Key: e.Key(), Traceparent: traceparent, Data: data,
	}
	if s, ok := e.(sequenced); ok {
		v.Sequence = s.Sequence()
	}
	return v, nil
}

// Open returns the event inside. A type that is not known yields nil and no
// error: a newer program may speak words that this one has not learned. What
// is known but cannot be read is ErrUnreadable.
func (v Envelope) Open() (Event, error) {
	decode, known := decoders[v.Type]
	if !known {
		return nil, nil //nolint:nilnil // the two nils are the answer, see above
	}
	return decode(v.Data)
}

// decoders is the vocabulary: one line for each event.
var decoders = map[string]func([]byte) (Event, error){ //nolint:gochecknoglobals // a table that nobody writes to
	ProductViewed{}.Type():  decode[ProductViewed],
	ProductLiked{}.Type():   decode[ProductLiked],
	ProductUnliked{}.Type(): decode[ProductUnliked],
	ProductChanged{}.Type(): decode[ProductChanged],
	StockAdjusted{}.Type():  decode[StockAdjusted],
	StockDepleted{}.Type():  decode[StockDepleted],
	OrderPlaced{}.Type():    decode[OrderPlaced],
	OrderPaid{}.Type():      decode[OrderPaid],
	OrderCancelled{}.Type(): decode[OrderCancelled],
	OrderFailed{}.Type():    decode[OrderFailed],
	OrderExpired{}.Type():   decode[OrderExpired],

	PaymentRequested{}.Type(): decode[PaymentRequested],
	PaymentApproved{}.Type():  decode[PaymentApproved],
	PaymentDeclined{}.Type():  decode[PaymentDeclined],
	PaymentRefunded{}.Type():  decode[PaymentRefunded],
}

// checked is an event that can tell whether what it says makes sense.
type checked interface{ check() error }

func decode[E interface {
	Event
	checked
}](data []byte) (Event, error) {
	var e E
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, e.Type(), err)
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnreadable, e.Type(), err)
	}
	return e, nil
}
