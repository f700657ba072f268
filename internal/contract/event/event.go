// Package event defines the events that the programs exchange over Kafka. Each event
// is a struct with a golden JSON file. The API publishes it and the streamer reads
// it. Fields may be added to an event, but never changed or removed.
//
// The comments of the structs and their fields, and the tags jsonschema, are the
// source of the JSON Schemas and the AsyncAPI document in docs/events.
package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
)

// The topics, and how many partitions each has.
const (
	CatalogTopic = "catalog-events" // key: product id
	OrderTopic   = "order-events"   // key: order id
	Partitions   = 12
)

// Topics returns all topics that events are published to.
func Topics() []string { return []string{CatalogTopic, OrderTopic} }

// The consumer groups. Each counts, or keeps, every event once by itself.
const (
	RankingGroup = "ranking"   // counters and live rankings
	AuditGroup   = "audit-log" // every event, for operators
	CacheGroup   = "cache-invalidation"
)

// Groups returns all consumer groups.
func Groups() []string { return []string{RankingGroup, AuditGroup, CacheGroup} }

// Reads returns the topics that a group reads.
func Reads(group string) []string {
	if group == CacheGroup {
		return []string{CatalogTopic}
	}
	return Topics()
}

// InOrder reports whether a group must process the events of a key in order even if one
// of them fails. The effects of other groups commute: they may process it later.
func InOrder(group string) bool { return group == AuditGroup }

// Source is the CloudEvents source of all events of the shop.
const Source = "/commerce"

// Event is something that has happened.
type Event interface {
	Type() string  // for example "order.placed"
	Topic() string // CatalogTopic or OrderTopic
	Key() string   // the id of the product or order, whose events stay in order
}

// sequenced is an event with the version of the order that it is about.
type sequenced interface{ Sequence() int64 }

// Envelope is an event in the outbox and in Kafka, with the attributes of
// CloudEvents 1.0.
type Envelope struct {
	ID          id.ID
	Type        string
	Source      string
	Time        time.Time // when it happened, by the clock of the API
	Topic       string
	Key         string
	Sequence    int64  // version of the order, from 1; 0 if there is none
	Traceparent string // W3C trace context; empty if the event was not traced
	Data        []byte // the event as JSON
}

// TraceID returns the id of the trace that the event was part of; empty if there is none.
func (v Envelope) TraceID() string {
	const version, digits = len("00-"), 32
	if len(v.Traceparent) < version+digits {
		return ""
	}
	id := v.Traceparent[version : version+digits]
	if strings.Trim(id, "0123456789abcdef") != "" {
		return ""
	}
	return id
}

// ErrUnreadable is returned for an event that can never be read.
var ErrUnreadable = errors.New("unreadable event")

// Wrap returns the envelope of an event.
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

// Open returns the event of an envelope. It returns nil and no error for an unknown
// type, which a newer program may have published. It returns ErrUnreadable if the
// type is known and the data is not valid.
func (v Envelope) Open() (Event, error) {
	decode, known := decoders[v.Type]
	if !known {
		return nil, nil //nolint:nilnil // an unknown type is not an error
	}
	return decode(v.Data)
}

// decoders has one line for each event.
var decoders = map[string]func([]byte) (Event, error){ //nolint:gochecknoglobals // it is never written to
	ProductViewed{}.Type():  decodeViewed,
	ProductLiked{}.Type():   decodeLiked,
	ProductUnliked{}.Type(): decodeUnliked,
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

// Types returns an event of each type, in the order in which they are documented.
// Only its type, its topic and its fields are of use: it has no values.
func Types() []Event {
	return []Event{
		ProductViewed{}, ProductLiked{}, ProductUnliked{}, ProductChanged{}, StockAdjusted{}, StockDepleted{},
		OrderPlaced{}, OrderPaid{}, OrderCancelled{}, OrderFailed{}, OrderExpired{},
		PaymentRequested{}, PaymentApproved{}, PaymentDeclined{}, PaymentRefunded{},
	}
}

// checked is an event with a check of its values.
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
